# The same by `[_]`, in a veto.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	every item in input.context.items { regex.match("^[a-z]+$", item.kind) }
	count(input.context.items) > 0
}

reject contains "no" if {
	input.action == "act"
	input.context.items[_].kind == "weapon"
}
