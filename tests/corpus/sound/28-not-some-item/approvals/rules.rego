# No weapon among items that all say what they are.
package approvals

approve contains "fine" if {
	input.action == "act"
	not has_weapon
}

has_weapon if {
	some item in input.context.items
	item.kind == "weapon"
}
