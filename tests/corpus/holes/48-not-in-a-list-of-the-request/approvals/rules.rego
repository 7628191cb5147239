# The request brings the list, or does not.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.agent.id in input.context.suspended
}
