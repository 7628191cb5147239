package approvals.refunds_test

import data.approvals.refunds

limits := {"automatic": 100, "two_people": 1000}

known := {"billing-bot": {"may": ["stripe.refund"]}}

refund(context) := {
	"action": "stripe.refund",
	"agent": {"id": "billing-bot"},
	"context": object.union({"customer_id": "cus_1"}, context),
}

approved(request) if {
	count(refunds.approve) == 1 with input as request
		with data.limits.refunds as limits
		with data.agents.known as known
}

rejected(request) if {
	count(refunds.reject) == 1 with input as request
		with data.limits.refunds as limits
		with data.fraud.customers as ["cus_bad"]
}

escalated(request) if {
	count(refunds.escalate) == 1 with input as request
		with data.limits.refunds as limits
}

test_a_small_refund_is_approved if approved(refund({"amount": 99.99}))

test_the_limit_itself_is_not if not approved(refund({"amount": 100}))

test_nothing_and_less_are_not_approved if {
	not approved(refund({"amount": 0}))
	not approved(refund({"amount": -5}))
}

test_a_refund_without_an_amount_is_not_approved if not approved(refund({}))

test_a_stranger_is_not_approved if {
	not approved(object.union(refund({"amount": 5}), {"agent": {"id": "stranger"}}))
}

test_another_action_is_not_approved if {
	not approved(object.union(refund({"amount": 5}), {"action": "payout.create"}))
}

test_the_fraud_list_rejects if rejected(refund({"amount": 5, "customer_id": "cus_bad"}))

test_more_than_was_charged_is_rejected if rejected(refund({"amount": 50, "charged": 49}))

test_what_was_charged_may_be_refunded if not rejected(refund({"amount": 49, "charged": 49}))

test_an_honest_customer_is_not_rejected if not rejected(refund({"amount": 5}))

test_another_currency_goes_to_a_person if escalated(refund({"amount": 5, "currency": "EUR"}))

test_dollars_do_not if {
	not escalated(refund({"amount": 5, "currency": "USD"}))
	not escalated(refund({"amount": 5}))
}

test_a_large_refund_goes_to_two_people if {
	asked := refunds.escalate with input as refund({"amount": 1000})
		with data.limits.refunds as limits
	some question in asked
	question.votes == 2
	question.to == "payments"
}

test_the_reason_says_the_numbers if {
	reasons := refunds.approve with input as refund({"amount": 50})
		with data.limits.refunds as limits
		with data.agents.known as known
	"refund of $50 is under the $100 limit" in reasons
}
