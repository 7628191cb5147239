# A list of data that the id is not in.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.customer_id in data.fraud.customers
	regex.match("^[a-z]+$", input.context.customer_id)
}
