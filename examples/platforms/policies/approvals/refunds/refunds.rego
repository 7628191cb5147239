# METADATA
# title: Refunds
# description: What agents may give back without a person. For SidClaw and AgentGate.
# custom: {owner: support}
package approvals.refunds

# METADATA
# title: Small refund
# description: The record that the platform keeps says so, not only the webhook.
approve contains reason if {
	input.action == "issue_refund"
	input.verified.record == true
	input.context.currency == "USD"
	input.context.amount_cents > 0
	input.context.amount_cents < data.limits.refunds.automatic
	reason := sprintf("refund of %v cents is under the limit of %v", [
		input.context.amount_cents,
		data.limits.refunds.automatic,
	])
}

# METADATA
# title: Refund that nobody makes
reject contains reason if {
	input.action == "issue_refund"
	input.context.amount_cents >= data.limits.refunds.refused
	reason := sprintf("refund of %v cents is over the %v that support can give", [
		input.context.amount_cents,
		data.limits.refunds.refused,
	])
}
