# A question for agents that nobody knows.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

escalate contains {"reason": "a new agent", "to": "payments", "votes": 2} if {
	input.action == "act"
	not input.agent.id in data.agents.known
}
