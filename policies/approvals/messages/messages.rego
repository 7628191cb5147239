# METADATA
# title: Messages to customers
# description: Words that a person has read before go out by themselves; all others are read first.
# custom: {owner: support}
package approvals.messages

import data.lib.agents
import data.lib.ids

# METADATA
# title: Approved template to one customer
# description: With no words of the agent's own.
approve contains reason if {
	input.action == "message.send"
	agents.may(input.agent.id, "message.send")
	ids.plain(input.context.customer_id)
	input.context.template in data.messages.approved_templates
	input.context.recipients == 1
	object.get(input.context, "text", "") == ""
	reason := sprintf("%v is an approved template", [input.context.template])
}

# METADATA
# title: Customer who wants no messages
reject contains "the customer asked not to be contacted" if {
	input.action == "message.send"
	input.context.customer_id in data.messages.do_not_contact
}

# METADATA
# title: Many recipients
escalate contains {"reason": reason, "to": "support-leads", "votes": 2, "within": "2h"} if {
	input.action == "message.send"
	input.context.recipients > data.limits.messages.recipients
	reason := sprintf("%v customers would get it at once", [input.context.recipients])
}

# METADATA
# title: Sensitive words
# description: A message made from a template alone has no text of its own.
escalate contains {"reason": reason, "to": "support-leads"} if {
	input.action == "message.send"
	some word in data.messages.sensitive_words
	contains(lower(object.get(input.context, "text", "")), word)
	reason := sprintf("the text says \"%v\"", [word])
}
