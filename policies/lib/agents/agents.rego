# METADATA
# title: What an agent may ask for
package lib.agents

# METADATA
# description: |
#  Holds if the agent is known and the action is in its list. That a stranger is not known is said by itself: what is looked
#  up in a part of the data that is not there would be a question to a person.
may(agent, action) if {
	data.agents.known[agent]
	action in data.agents.known[agent].may
}
