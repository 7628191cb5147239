package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "customer_id": "cus_1"}}
}

test_a_stranger_is_not_one_who_is_not_blocked if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "customer_id": "cus_9"}}
}
