# An element by its place.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.approvals[0].by != input.agent.id
	regex.match("^[a-z]+$", input.context.approvals[0].by)
	regex.match("^[a-z]+$", input.agent.id)
	count(input.context.approvals) == 1
}
