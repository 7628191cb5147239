package approvals.data_access_test

import data.approvals.data_access

datasets := {
	"catalogue": {
		"prices": {"class": "public"},
		"customers": {"class": "personal"},
		"payroll": {"class": "restricted"},
	},
	"destinations": ["warehouse"],
}

export(context) := {
	"action": "data.export",
	"agent": {"id": "data-bot"},
	"context": object.union({"dataset": "prices", "destination": "warehouse", "rows": 100}, context),
}

approved(request) if {
	count(data_access.approve) == 1 with input as request
		with data.datasets as datasets
		with data.limits.exports as {"rows": 10000}
		with data.agents.known as {"data-bot": {"may": ["data.export"]}}
}

rejected(request) if {
	count(data_access.reject) == 1 with input as request
		with data.datasets as datasets
}

escalated(request) if {
	count(data_access.escalate) == 1 with input as request
		with data.datasets as datasets
}

test_a_small_export_of_public_data_is_approved if approved(export({}))

test_as_many_rows_as_the_limit_are_approved if {
	approved(export({"rows": 10000}))
	not approved(export({"rows": 10001}))
	not approved(export({"rows": 0}))
}

test_personal_restricted_and_unknown_data_are_not_approved if {
	not approved(export({"dataset": "customers"}))
	not approved(export({"dataset": "payroll"}))
	not approved(export({"dataset": "unheard_of"}))
}

test_another_destination_is_not_approved if not approved(export({"destination": "ftp://elsewhere"}))

test_a_stranger_is_not_approved if not approved(object.union(export({}), {"agent": {"id": "stranger"}}))

test_restricted_data_is_rejected if rejected(export({"dataset": "payroll"}))

test_public_data_is_not_rejected if not rejected(export({}))

test_personal_data_goes_to_a_person if escalated(export({"dataset": "customers"}))

test_another_destination_goes_to_a_person if escalated(export({"destination": "ftp://elsewhere"}))

test_harmless_exports_do_not if not escalated(export({}))
