package approvals

# METADATA
# title: Small basket
approve contains "every line is small" if {
	input.action == "stripe.refund"
	count(input.context.lines) > 0
	count([line | some line in input.context.lines; line.amount >= 100]) == 0
}
