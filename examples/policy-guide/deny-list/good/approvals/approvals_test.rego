package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "payout.create", "context": {"amount": 50, "country": "DE"}}
}

test_a_blocked_country_in_small_letters_is_blocked if {
	count(approvals.approve) == 0 with input as {"action": "payout.create", "context": {"amount": 50, "country": "kp"}}
}
