# Arithmetic on several fields.
package approvals.sums

approve contains "nothing speaks against it" if input.action == "act"

reject contains "more than was paid" if {
	input.action == "act"
	input.context.amount + input.context.fee > input.context.paid
}

escalate contains "a large share" if {
	input.action == "act"
	(input.context.amount * 100) / input.context.paid > 60
}

escalate contains "not whole" if {
	input.action == "act"
	input.context.cents % 100 != 0
}
