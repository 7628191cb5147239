package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}

test_nothing_is_not_a_small_amount if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": null}}
}
