package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"lines": [{"amount": 50}, {"amount": 20}]}}
}

test_a_basket_with_nothing_in_it_is_not_small if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"lines": []}}
}
