# Two keys of the input into data.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount <= data.limits[input.context.tier][input.context.currency]
	input.context.amount > 0
}
