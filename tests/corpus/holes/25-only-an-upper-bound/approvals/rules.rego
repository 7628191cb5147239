# A negative amount is a payment in the other direction.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount <= 100
	input.context.currency == "EUR"
}
