# The same in the other order.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	contains(input.context.note, "DROP")
	is_string(input.context.note)
}
