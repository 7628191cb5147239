package approvals

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	is_string(input.context.amount)
	regex.match(`^[0-9]{1,6}$`, input.context.amount)
	to_number(input.context.amount) > 0
	to_number(input.context.amount) < 100
}
