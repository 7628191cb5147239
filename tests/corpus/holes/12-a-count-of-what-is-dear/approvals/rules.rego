# An item without a price is not counted.
package approvals

approve contains "fine" if {
	input.action == "act"
	count([item | some item in input.context.items; item.price > 100]) == 0
}
