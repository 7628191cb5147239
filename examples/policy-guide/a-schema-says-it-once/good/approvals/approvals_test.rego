package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}

test_a_large_refund_is_not_small if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": 100}}
}
