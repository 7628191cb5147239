# METADATA
# title: Payouts
# description: Money that leaves for good. Only to accounts that finance has checked, and only in office hours.
# custom: {owner: treasury}
package approvals.payouts

import data.lib.agents
import data.lib.hours
import data.lib.ids

# METADATA
# title: Small payout to a checked account
approve contains reason if {
	input.action == "payout.create"
	agents.may(input.agent.id, "payout.create")
	input.context.account_id in data.payouts.verified_accounts
	regex.match(`^[A-Z]{2}$`, input.context.country)
	ids.plain(object.get(input.context, "customer_id", "none"))
	input.context.currency == "USD"
	input.context.amount > 0
	input.context.amount < data.limits.payouts.automatic
	hours.office(input.now, data.calendar.timezone)
	reason := sprintf("payout of $%v to a checked account is under the $%v limit", [
		input.context.amount,
		data.limits.payouts.automatic,
	])
}

# METADATA
# title: Blocked country
reject contains reason if {
	input.action == "payout.create"
	input.context.country in data.payouts.blocked_countries
	reason := sprintf("no payouts to %v", [input.context.country])
}

# METADATA
# title: Payout to a customer on the fraud list
# description: Suppliers have no customer id; a payout that names one is looked up.
reject contains "the customer is on the fraud list" if {
	input.action == "payout.create"
	object.get(input.context, "customer_id", "") in data.fraud.customers
}

# METADATA
# title: Large payout
escalate contains {"reason": reason, "to": "treasury", "votes": 2, "within": "8h"} if {
	input.action == "payout.create"
	input.context.amount >= data.limits.payouts.two_people
	reason := sprintf("payout of $%v needs two people", [input.context.amount])
}
