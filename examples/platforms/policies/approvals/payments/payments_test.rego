package approvals.payments_test

import data.approvals.payments

limits := {"automatic": 10000, "refused": 5000000}

known := {"Agent:1": {"owner": "treasury"}}

payment(amount) := {
	"action": "EXECUTE_QUOTE",
	"agent": {"id": "Agent:1"},
	"context": {
		"status": "PENDING_APPROVAL",
		"quote": {"sendingCurrency": {"code": "USD", "decimals": 2}, "totalSendingAmount": amount},
	},
}

approved(request) if {
	count(payments.approve) == 1 with input as request
		with data.limits.payments as limits
		with data.agents.known as known
}

rejected(request) if {
	count(payments.reject) == 1 with input as request
		with data.limits.payments as limits
}

test_a_small_payment_is_approved if approved(payment(9999))

test_the_limit_itself_is_not if not approved(payment(10000))

test_less_than_nothing_is_not if not approved(payment(-1))

test_a_stranger_is_not if not approved(object.union(payment(5), {"agent": {"id": "Agent:2"}}))

test_another_currency_is_not if {
	bitcoin := {"context": {"quote": {"sendingCurrency": {"code": "BTC", "decimals": 8}}}}
	not approved(object.union(payment(5), bitcoin))
}

test_a_card_is_not if not approved(object.union(payment(5), {"action": "ISSUE_PURCHASE_CARD"}))

test_a_huge_payment_is_rejected if rejected(payment(5000000))

test_a_large_payment_is_not_rejected if not rejected(payment(4999999))
