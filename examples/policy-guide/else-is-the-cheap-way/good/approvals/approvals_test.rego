package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"score": 20}}
}

test_a_risk_that_nobody_rated_is_not_low if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {}}
}
