# A partial set made of data.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.agent.id in trusted
	not banned[input.agent.id]
}

trusted contains agent.id if {
	some agent in data.agents
	agent.trusted
}

banned contains agent.id if {
	some agent in data.agents
	agent.level < 1
}
