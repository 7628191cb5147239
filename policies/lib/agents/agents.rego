# METADATA
# title: What an agent may ask for
package lib.agents

# METADATA
# description: Holds if the agent is known and the action is in its list.
may(agent, action) if {
	data.agents.known[agent]
	action in data.agents.known[agent].may
}
