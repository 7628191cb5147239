# METADATA
# title: Data access
# description: Who may take data out, how much, and where to.
# custom: {owner: data-platform}
package approvals.data_access

import data.lib.agents

# METADATA
# title: Small export of harmless data
approve contains reason if {
	input.action == "data.export"
	agents.may(input.agent.id, "data.export")
	data.datasets.catalogue[input.context.dataset].class in {"public", "internal"}
	input.context.destination in data.datasets.destinations
	input.context.rows > 0
	input.context.rows <= data.limits.exports.rows
	reason := sprintf("%v rows of %v stay inside", [input.context.rows, input.context.dataset])
}

# METADATA
# title: Export of restricted data
reject contains reason if {
	input.action == "data.export"
	some dataset, facts in data.datasets.catalogue
	facts.class == "restricted"
	input.context.dataset == dataset
	reason := sprintf("%v is restricted and is not exported", [dataset])
}

# METADATA
# title: Export of personal data
escalate contains {"reason": reason, "to": "data-protection", "votes": 2, "within": "24h"} if {
	input.action == "data.export"
	some dataset, facts in data.datasets.catalogue
	facts.class == "personal"
	input.context.dataset == dataset
	reason := sprintf("%v holds personal data", [dataset])
}

# METADATA
# title: Export to somewhere else
escalate contains {"reason": reason, "to": "data-protection"} if {
	input.action == "data.export"
	not input.context.destination in data.datasets.destinations
	reason := sprintf("%v is not one of our own destinations", [input.context.destination])
}
