# METADATA
# title: Data deletion
# description: What is gone is gone. Agents clean up staging; production is for people.
# custom: {owner: data-platform}
package approvals.data_deletion

import data.lib.agents
import data.lib.ids

# METADATA
# title: Clean up staging
approve contains reason if {
	input.action == "data.delete"
	agents.may(input.agent.id, "data.delete")
	input.context.environment == "staging"
	ids.plain(input.context.dataset)
	input.context.records > 0
	input.context.records <= data.limits.deletions.records
	reason := sprintf("%v records in staging", [input.context.records])
}

# METADATA
# title: Legal hold
reject contains reason if {
	input.action == "data.delete"
	input.context.dataset in data.datasets.legal_hold
	reason := sprintf("%v is under legal hold", [input.context.dataset])
}

# METADATA
# title: Deletion outside staging
escalate contains {"reason": reason, "to": "data-protection", "votes": 2, "within": "24h"} if {
	input.action == "data.delete"
	input.context.environment != "staging"
	reason := sprintf("deletion in %v", [input.context.environment])
}
