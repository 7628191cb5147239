# A partial set over a missing list is empty.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.customer_id in blocked
}

blocked contains id if some id in input.context.blocked
