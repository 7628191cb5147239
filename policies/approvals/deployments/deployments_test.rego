package approvals.deployments_test

import data.approvals.deployments

services := {
	"docs": {"tier": "standard", "owner": "platform"},
	"checkout": {"tier": "critical", "owner": "payments"},
}

freezes := [{"name": "year end", "from": "2026-12-18T00:00:00Z", "until": "2027-01-04T06:00:00Z"}]

deploy(action, context) := {
	"action": action,
	"agent": {"id": "release-bot"},
	"now": "2026-11-23T10:00:00Z",
	"context": object.union({"service": "docs", "checks": "passed", "canary_error_rate": 0.001}, context),
}

approved(request) if {
	count(deployments.approve) == 1 with input as request
		with data.services as services
		with data.limits.deployments as {"canary_error_rate": 0.01}
		with data.agents.known as {"release-bot": {"may": ["deploy.staging", "deploy.production"]}}
}

rejected(request) if {
	count(deployments.reject) == 1 with input as request
		with data.calendar.freezes as freezes
}

escalated(request) if {
	count(deployments.escalate) == 1 with input as request
		with data.services as services
}

test_staging_with_passed_checks_is_approved if approved(deploy("deploy.staging", {}))

test_staging_takes_critical_services_too if approved(deploy("deploy.staging", {"service": "checkout"}))

test_staging_without_passed_checks_is_not_approved if {
	not approved(deploy("deploy.staging", {"checks": "running"}))
}

test_an_unknown_service_is_not_approved if {
	not approved(deploy("deploy.staging", {"service": "unheard_of"}))
	not approved(deploy("deploy.production", {"service": "unheard_of"}))
}

test_production_with_a_healthy_canary_is_approved if approved(deploy("deploy.production", {}))

test_a_sick_canary_is_not_approved if {
	not approved(deploy("deploy.production", {"canary_error_rate": 0.01}))
	not approved(deploy("deploy.production", {"canary_error_rate": -1}))
}

test_a_critical_service_is_not_approved_in_production if {
	not approved(deploy("deploy.production", {"service": "checkout"}))
}

test_failed_checks_are_rejected_in_production if {
	rejected(deploy("deploy.production", {"checks": "failed"}))
}

test_a_freeze_rejects_from_its_first_moment_to_its_last if {
	rejected(object.union(deploy("deploy.production", {}), {"now": "2026-12-18T00:00:00Z"}))
	rejected(object.union(deploy("deploy.production", {}), {"now": "2027-01-04T05:59:59Z"}))
	not rejected(object.union(deploy("deploy.production", {}), {"now": "2027-01-04T06:00:00Z"}))
}

test_a_freeze_does_not_stop_staging if {
	not rejected(object.union(deploy("deploy.staging", {}), {"now": "2026-12-20T00:00:00Z"}))
}

test_a_critical_service_goes_to_two_people if escalated(deploy("deploy.production", {"service": "checkout"}))

test_a_standard_service_does_not if not escalated(deploy("deploy.production", {}))
