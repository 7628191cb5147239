# What is plainly not so clears the veto, whatever else is missing.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	not odd_kind
	not negative
}

reject contains "no" if {
	input.action == "act"
	input.context.kind == "wire"
	input.context.amount > 1000
}

odd_kind if {
	is_string(input.context.kind)
	not regex.match("^[a-z]+$", input.context.kind)
}

negative if {
	is_number(input.context.amount)
	input.context.amount < 0
}
