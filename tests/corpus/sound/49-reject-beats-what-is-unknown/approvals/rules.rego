# A veto that holds is not softened by one that cannot be looked at.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.amount > 1000
}

reject contains "embargo" if {
	input.action == "act"
	input.context.country == "KP"
}
