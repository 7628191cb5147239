package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "currency": "USD"}}
}

test_an_amount_in_no_currency_is_not_small if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}
