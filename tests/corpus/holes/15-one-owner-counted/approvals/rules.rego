# A set drops what has no value: one owner, and one item that nobody owns.
package approvals

approve contains "fine" if {
	input.action == "act"
	count({item.owner | some item in input.context.items}) == 1
}
