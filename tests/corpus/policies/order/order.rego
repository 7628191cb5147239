# The condition that ends a veto comes after the one that matters.
package approvals.order

approve contains "nothing speaks against it" if input.action == "act"

reject contains "r" if {
	input.action == "act"
	amount := input.context.amount
	limit := data.order.limits[kind]
	amount > limit
}

kind := input.context.kind

escalate contains "e" if {
	input.action == "act"
	some i
	input.context.steps[i] == "pay"
	j := i + 1
	input.context.steps[j] != "confirm"
}
