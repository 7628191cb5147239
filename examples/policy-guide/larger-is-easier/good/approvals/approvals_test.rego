package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "tier": "key"}}
}

test_more_is_not_easier if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": 900000, "tier": "key"}}
}
