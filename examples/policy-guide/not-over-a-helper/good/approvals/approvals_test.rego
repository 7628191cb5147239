package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "customer": {"flagged": false}}}
}

test_a_customer_who_was_not_looked_up_is_not_clean if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "customer": {"id": "cus_1"}}}
}
