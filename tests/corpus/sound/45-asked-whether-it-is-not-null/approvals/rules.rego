# The same, the other way round.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.approver != null
}
