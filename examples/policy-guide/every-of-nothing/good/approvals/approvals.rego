package approvals

# METADATA
# title: Small basket
approve contains "every line is small" if {
	input.action == "stripe.refund"
	count(input.context.lines) in {1, 2, 3, 4, 5}
	every line in input.context.lines {
		line.amount > 0
		line.amount < 100
	}
}
