# The same, two keys deep, the first of which is there.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.blocked.customers[input.context.customer_id]
	regex.match("^[a-z]+$", input.context.customer_id)
}
