# The same by `[_]`, in a veto.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.items[_].kind == "weapon"
}
