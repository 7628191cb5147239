# Two facts of one kind.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount <= input.context.charged
	input.context.amount > 0
	input.context.approver != input.context.requester
	regex.match("^[a-z]+$", input.context.approver)
	regex.match("^[a-z]+$", input.context.requester)
}
