# Nobody is in an empty list of the request.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.agent.id in input.context.suspended
}
