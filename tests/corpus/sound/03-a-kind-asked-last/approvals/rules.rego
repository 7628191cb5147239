# The same in the other order.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	not odd_note
}

reject contains "no" if {
	input.action == "act"
	contains(upper(input.context.note), "DROP")
	is_string(input.context.note)
}

# One spelling of what is looked for.
odd_note if {
	is_string(input.context.note)
	not regex.match("^[A-Za-z ]*$", input.context.note)
}
