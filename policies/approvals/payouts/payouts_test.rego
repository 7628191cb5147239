package approvals.payouts_test

import data.approvals.payouts

payout := {
	"action": "payout.create",
	"agent": {"id": "billing-bot"},
	"now": "2026-11-23T10:00:00Z",
	"context": {"account_id": "acct_1", "amount": 100, "currency": "USD", "country": "DE"},
}

with_context(context) := object.union(payout, {"context": context})

approved(request) if {
	count(payouts.approve) == 1 with input as request
		with data.limits.payouts as {"automatic": 250, "two_people": 5000}
		with data.payouts.verified_accounts as ["acct_1"]
		with data.agents.known as {"billing-bot": {"may": ["payout.create"]}}
		with data.calendar.timezone as "Europe/Berlin"
}

rejected(request) if {
	count(payouts.reject) == 1 with input as request
		with data.payouts.blocked_countries as ["XX"]
		with data.fraud.customers as ["cus_bad"]
}

test_a_small_payout_to_a_checked_account_is_approved if approved(payout)

test_an_unchecked_account_is_not if not approved(with_context({"account_id": "acct_2"}))

test_another_currency_is_not if not approved(with_context({"currency": "EUR"}))

test_the_limit_and_nothing_are_not_approved if {
	not approved(with_context({"amount": 250}))
	not approved(with_context({"amount": 0}))
	not approved(with_context({"amount": -1}))
}

test_the_night_is_not_a_time_for_payouts if {
	not approved(object.union(payout, {"now": "2026-11-23T23:00:00Z"}))
}

test_a_stranger_is_not_approved if not approved(object.union(payout, {"agent": {"id": "stranger"}}))

test_a_blocked_country_is_rejected if rejected(with_context({"country": "XX"}))

test_a_customer_on_the_fraud_list_is_rejected if rejected(with_context({"customer_id": "cus_bad"}))

test_an_honest_payout_is_not_rejected if {
	not rejected(payout)
	not rejected(with_context({"customer_id": "cus_1"}))
}

test_a_large_payout_goes_to_two_people if {
	asked := payouts.escalate with input as with_context({"amount": 5000})
		with data.limits.payouts as {"automatic": 250, "two_people": 5000}
	some question in asked
	question.votes == 2
	question.to == "treasury"
}

test_a_small_one_does_not if {
	count(payouts.escalate) == 0 with input as payout
		with data.limits.payouts as {"automatic": 250, "two_people": 5000}
}
