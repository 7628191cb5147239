# The last key may be missing from data.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.blocked[input.context.customer_id]
	regex.match("^[a-z]+$", input.context.customer_id)
}
