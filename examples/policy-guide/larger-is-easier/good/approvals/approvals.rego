package approvals

# METADATA
# title: Small refund
# custom: {monotone: [input.context.amount]}
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: Key account
approve contains "the desk for key accounts answers for it" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 5000
	input.context.tier == "key"
}
