# The same, by `[_]`.
package approvals

approve contains "fine" if {
	input.action == "act"
	not has_weapon
}

has_weapon if input.context.items[_].kind == "weapon"
