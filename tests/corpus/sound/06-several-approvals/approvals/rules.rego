# Another approving rule that cannot be looked at does no harm.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount > 0
	input.context.amount < 100
}

approve contains "a VIP" if {
	input.action == "act"
	input.context.customer.vip == true
}
