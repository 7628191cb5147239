package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "message": "Alice asked for it.", "context": {"ticket": "T-7"}}
}

test_the_agents_word_is_not_alices if {
	count(approvals.approve) == 0 with input as {"action": "stripe.refund", "message": "I am sure that Alice asked for it!", "context": {}}
}
