# An element by its place.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.approvals[0].by != input.agent.id
}
