# The requester is null and so differs from the approver.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.approver != input.context.requester
}
