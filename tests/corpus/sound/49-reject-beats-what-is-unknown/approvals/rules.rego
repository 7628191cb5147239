# A veto that holds is not softened by one that cannot be looked at.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	object.get(input.context, "amount", 0) >= 0
	regex.match("^[A-Z]+$", object.get(input.context, "country", "DE"))
}

reject contains "no" if {
	input.action == "act"
	input.context.amount > 1000
}

reject contains "embargo" if {
	input.action == "act"
	input.context.country == "KP"
}
