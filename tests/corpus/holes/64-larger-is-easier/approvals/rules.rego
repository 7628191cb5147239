# The bound for managers was written the wrong way round.
package approvals

# METADATA
# title: Small
# custom: {monotone: [input.context.amount]}
approve contains "small" if {
	input.action == "act"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: By a manager
# custom: {monotone: [input.context.amount]}
approve contains "by a manager" if {
	input.action == "act"
	input.context.by == "manager"
	input.context.amount > 1000
}
