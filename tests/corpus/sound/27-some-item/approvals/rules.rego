# One gift is enough, whatever the other items lack.
package approvals

approve contains "fine" if {
	input.action == "act"
	some item in input.context.items
	item.kind == "gift"
}
