package approvals

# METADATA
# title: Low risk
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
	object.get(input.context, "risk", 0) < 50
}
