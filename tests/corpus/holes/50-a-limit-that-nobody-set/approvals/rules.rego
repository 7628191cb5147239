# No limit for this currency, so nothing is over it.
package approvals

approve contains "fine" if {
	input.action == "act"
	not over
}

over if input.context.amount > data.limits[input.context.currency]
