# What is looked up by nothing is not found.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.blocked[input.context.customer_id]
}
