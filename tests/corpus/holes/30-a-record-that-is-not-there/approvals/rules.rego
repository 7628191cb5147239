# The customer's record is missing, so nothing is said against them.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.customers[input.context.customer_id].flagged == true
}
