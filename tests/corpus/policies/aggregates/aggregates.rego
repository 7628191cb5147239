# Comprehensions that are counted and summed.
package approvals.aggregates

approve contains "nothing speaks against it" if input.action == "act"

reject contains "too many refunds" if {
	input.action == "act"
	count([refund | some refund in input.context.history; refund.kind == "refund"]) > 2
}

escalate contains "too much in all" if {
	input.action == "act"
	sum([refund.amount | some refund in input.context.history]) > 300
}

escalate contains "too many currencies" if {
	input.action == "act"
	count({refund.currency | some refund in input.context.history}) > 2
}
