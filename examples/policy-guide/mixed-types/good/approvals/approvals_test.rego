package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "payout.create", "context": {"amount": 50, "account": 100}}
}

test_an_account_in_quotes_is_none if {
	count(approvals.approve) == 0 with input as {"action": "payout.create", "context": {"amount": 50, "account": "4711"}}
}
