package approvals.pay

reject contains "dear" if {
	input.action in {"pay", "refund"}
	input.context.amount > 100
}
