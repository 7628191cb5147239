# The author says that an unlisted currency has no room.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount > 0
	input.context.amount <= object.get(data.limits, input.context.currency, 0)
}
