# A complete rule carries null on.
package approvals

approve contains "fine" if {
	input.action == "act"
	owner != input.agent.id
}

owner := input.context.owner
