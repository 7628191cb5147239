# An item without a price costs nothing.
package approvals

approve contains "fine" if {
	input.action == "act"
	sum([price | some item in input.context.items; price := item.price]) < 100
}
