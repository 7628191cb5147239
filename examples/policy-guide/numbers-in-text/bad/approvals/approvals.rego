package approvals

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	to_number(input.context.amount) < 100
}
