# A list and a set in data, looked into by a field.
package approvals.membership

approve contains "nothing speaks against it" if input.action == "act"

reject contains "blocked customer" if {
	input.action == "act"
	input.context.customer in data.membership.blocked
}

escalate contains "unknown merchant" if {
	input.action == "act"
	not input.context.merchant in {name | some name in data.membership.merchants}
}
