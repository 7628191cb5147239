package approvals

# METADATA
# title: Small payout
approve contains "it is small" if {
	input.action == "payout.create"
	input.context.amount > 0
	input.context.amount <= 1000
	not input.context.account in data.accounts.blocked
}
