# There is nothing to find in a text, in null, or in nothing.
package approvals

approve contains "fine" if {
	input.action == "act"
	not has_weapon
}

has_weapon if {
	some item in input.context.items
	item.kind == "weapon"
}
