package approvals.refunds_test

import data.approvals.refunds

limits := {"automatic": 10000, "refused": 1000000}

refund(amount) := {
	"action": "issue_refund",
	"context": {"currency": "USD", "amount_cents": amount},
	"verified": {"signature": true, "record": true},
}

approved(request) if {
	count(refunds.approve) == 1 with input as request
		with data.limits.refunds as limits
}

rejected(request) if {
	count(refunds.reject) == 1 with input as request
		with data.limits.refunds as limits
}

test_a_small_refund_is_approved if approved(refund(9999))

test_the_limit_itself_is_not if not approved(refund(10000))

test_less_than_nothing_is_not if not approved(refund(-1))

test_what_only_a_webhook_says_is_not if {
	not approved(object.union(refund(5), {"verified": {"record": false}}))
}

test_another_currency_is_not if not approved(object.union(refund(5), {"context": {"currency": "JPY"}}))

test_another_action_is_not if not approved(object.union(refund(5), {"action": "close_account"}))

test_a_huge_refund_is_rejected if rejected(refund(1000000))

test_a_large_refund_is_not_rejected if not rejected(refund(999999))
