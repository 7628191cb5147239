# An object in data, looked into by a computed key.
package approvals.keyed

approve contains "nothing speaks against it" if input.action == "act"

reject contains "frozen account" if {
	input.action == "act"
	data.keyed.frozen[input.context.account]
}

reject contains "over the limit of the currency" if {
	input.action == "act"
	input.context.amount > data.keyed.limits[input.context.currency]
}

escalate contains "no limit for the currency" if {
	input.action == "act"
	not data.keyed.limits[input.context.currency]
}
