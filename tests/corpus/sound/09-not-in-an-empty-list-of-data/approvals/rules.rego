# Nobody is on a list that is empty.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.customer_id in data.fraud.customers
}
