# No weapon among items that all say what they are.
package approvals

approve contains "fine" if {
	input.action == "act"
	not has_weapon
	every item in input.context.items { regex.match("^[a-z]+$", item.kind) }
	count(input.context.items) > 0
}

has_weapon if {
	some item in input.context.items
	item.kind == "weapon"
}
