package approvals.refunds_test

import data.approvals.refunds

test_a_small_refund_needs_nobody if {
	count(refunds.approve) == 1 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}

test_a_large_refund_needs_two_of_payments if {
	some terms in refunds.escalate with input as {"action": "stripe.refund", "context": {"amount": 500}}
	terms.to == "payments"
	terms.votes == 2
}
