package approvals

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: More than was paid
reject contains "it is more than was paid" if {
	input.action == "stripe.refund"
	input.context.amount > input.context.charged
}

# METADATA
# title: Long note
reject contains "nobody reads that" if {
	input.action == "stripe.refund"
	count(input.context.note) > 500
}
