# METADATA
# title: Deployments
# description: Staging when the checks pass. Production when the canary is healthy too and the service is not a critical one.
# custom: {owner: platform}
package approvals.deployments

import data.lib.agents

# METADATA
# title: Staging with passed checks
approve contains "the checks passed and it is staging" if {
	input.action == "deploy.staging"
	agents.may(input.agent.id, "deploy.staging")
	data.services[input.context.service]
	input.context.checks == "passed"
}

# METADATA
# title: Production with a healthy canary
approve contains reason if {
	input.action == "deploy.production"
	agents.may(input.agent.id, "deploy.production")
	data.services[input.context.service].tier == "standard"
	input.context.checks == "passed"
	input.context.canary_error_rate >= 0
	input.context.canary_error_rate < data.limits.deployments.canary_error_rate
	reason := sprintf("the checks passed and the canary's error rate of %v is under %v", [
		input.context.canary_error_rate,
		data.limits.deployments.canary_error_rate,
	])
}

# METADATA
# title: Failed checks
reject contains "the checks failed" if {
	input.action == "deploy.production"
	input.context.checks == "failed"
}

# METADATA
# title: Change freeze
reject contains reason if {
	input.action == "deploy.production"
	now := time.parse_rfc3339_ns(input.now)
	some freeze in data.calendar.freezes
	now >= time.parse_rfc3339_ns(freeze.from)
	now < time.parse_rfc3339_ns(freeze.until)
	reason := sprintf("change freeze (%v) until %v", [freeze.name, freeze.until])
}

# METADATA
# title: Critical service
escalate contains {"reason": reason, "to": "platform", "votes": 2, "within": "1h"} if {
	input.action == "deploy.production"
	some service, facts in data.services
	facts.tier == "critical"
	input.context.service == service
	reason := sprintf("%v is a critical service of team %v", [service, facts.owner])
}
