package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}

test_nobody_is_charged_by_a_refund if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": -5000}}
}
