# A limit for each currency.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount > 0
	input.context.amount <= data.limits[input.context.currency]
}
