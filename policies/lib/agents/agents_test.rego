package lib.agents_test

import data.lib.agents

known := {"billing-bot": {"may": ["stripe.refund"]}}

test_an_agent_may_what_is_in_its_list if {
	agents.may("billing-bot", "stripe.refund") with data.agents.known as known
}

test_an_agent_may_nothing_else if {
	not agents.may("billing-bot", "payout.create") with data.agents.known as known
}

test_an_unknown_agent_may_nothing if {
	not agents.may("stranger", "stripe.refund") with data.agents.known as known
}
