# METADATA
# title: Payments by agents
# description: Quotes that an agent wants to execute with Lightspark Grid. Amounts are in the smallest unit of the sending currency.
# custom: {owner: treasury}
package approvals.payments

# METADATA
# title: Small payment in dollars
approve contains reason if {
	input.action == "EXECUTE_QUOTE"
	data.agents.known[input.agent.id]
	input.context.status == "PENDING_APPROVAL"
	input.context.quote.sendingCurrency.code == "USD"
	input.context.quote.sendingCurrency.decimals == 2
	input.context.quote.totalSendingAmount > 0
	input.context.quote.totalSendingAmount < data.limits.payments.automatic
	reason := sprintf("payment of %v cents is under the limit of %v", [
		input.context.quote.totalSendingAmount,
		data.limits.payments.automatic,
	])
}

# METADATA
# title: Payment that no agent makes
reject contains reason if {
	input.action == "EXECUTE_QUOTE"
	input.context.quote.totalSendingAmount >= data.limits.payments.refused
	reason := sprintf("payment of %v is over what agents may send", [input.context.quote.totalSendingAmount])
}
