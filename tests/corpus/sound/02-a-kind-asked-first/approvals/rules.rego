# The author asks whether it is text before looking into it.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	not odd_note
}

reject contains "no" if {
	input.action == "act"
	is_string(input.context.note)
	contains(upper(input.context.note), "DROP")
}

# One spelling of what is looked for.
odd_note if {
	is_string(input.context.note)
	not regex.match("^[A-Za-z ]*$", input.context.note)
}
