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
