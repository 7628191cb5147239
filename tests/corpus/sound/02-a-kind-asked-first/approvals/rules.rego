# The author asks whether it is text before looking into it.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	is_string(input.context.note)
	contains(input.context.note, "DROP")
}
