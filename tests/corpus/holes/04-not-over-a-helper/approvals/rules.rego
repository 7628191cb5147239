# The helper does not hold where its fact is missing, so `not` does.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount < 100
	not flagged
}

flagged if input.context.customer.flagged == true
