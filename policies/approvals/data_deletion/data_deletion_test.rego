package approvals.data_deletion_test

import data.approvals.data_deletion

delete(context) := {
	"action": "data.delete",
	"agent": {"id": "data-bot"},
	"context": object.union({"dataset": "carts", "environment": "staging", "records": 10}, context),
}

approved(request) if {
	count(data_deletion.approve) == 1 with input as request
		with data.limits.deletions as {"records": 1000}
		with data.agents.known as {"data-bot": {"may": ["data.delete"]}}
}

rejected(request) if {
	count(data_deletion.reject) == 1 with input as request
		with data.datasets.legal_hold as ["trades"]
}

escalated(request) if count(data_deletion.escalate) == 1 with input as request

test_staging_may_be_cleaned_up if approved(delete({}))

test_no_more_than_the_limit if {
	approved(delete({"records": 1000}))
	not approved(delete({"records": 1001}))
	not approved(delete({"records": 0}))
}

test_production_is_not_approved if not approved(delete({"environment": "production"}))

test_a_deletion_that_names_no_environment_is_not_approved if {
	not approved({"action": "data.delete", "agent": {"id": "data-bot"}, "context": {"dataset": "carts", "records": 1}})
}

test_a_legal_hold_rejects_in_staging_too if rejected(delete({"dataset": "trades"}))

test_other_data_is_not_rejected if not rejected(delete({}))

test_production_goes_to_two_people if escalated(delete({"environment": "production"}))

test_staging_does_not if not escalated(delete({}))
