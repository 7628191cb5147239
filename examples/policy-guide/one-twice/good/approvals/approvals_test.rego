package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "deploy.production", "context": {"reviews": ["alice", "bob"]}}
}

test_one_person_is_not_two if {
	count(approvals.approve) == 0 with input as {"action": "deploy.production", "context": {"reviews": ["alice", "alice"]}}
}
