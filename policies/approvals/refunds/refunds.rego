# METADATA
# title: Refunds
# description: Small refunds by agents that may make them need no person.
# custom: {owner: payments-ops}
package approvals.refunds

import data.lib.agents
import data.lib.ids

# METADATA
# title: Small refund
approve contains reason if {
	input.action == "stripe.refund"
	agents.may(input.agent.id, "stripe.refund")
	ids.plain(input.context.customer_id)
	input.context.amount > 0
	input.context.amount < data.limits.refunds.automatic
	reason := sprintf("refund of $%v is under the $%v limit", [input.context.amount, data.limits.refunds.automatic])
}

# METADATA
# title: Customer on the fraud list
reject contains "the customer is on the fraud list" if {
	input.action == "stripe.refund"
	input.context.customer_id in data.fraud.customers
}

# METADATA
# title: More than was paid
# description: The charge is optional; a refund that names one may not be larger.
reject contains reason if {
	input.action == "stripe.refund"
	charged := object.get(input.context, "charged", input.context.amount)
	input.context.amount > charged
	reason := sprintf("refund of $%v is more than the $%v that were charged", [input.context.amount, charged])
}

# METADATA
# title: Other currency
# description: The limits are in dollars, and so is an amount that names no currency.
escalate contains {"reason": "the limits are in US dollars", "to": "payments"} if {
	input.action == "stripe.refund"
	object.get(input.context, "currency", "USD") != "USD"
}

# METADATA
# title: Large refund
escalate contains {"reason": reason, "to": "payments", "votes": 2, "within": "4h"} if {
	input.action == "stripe.refund"
	input.context.amount >= data.limits.refunds.two_people
	reason := sprintf("refund of $%v needs two people", [input.context.amount])
}
