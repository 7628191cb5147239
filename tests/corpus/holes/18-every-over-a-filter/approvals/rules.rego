# The comprehension leaves out what has no price before `every` looks.
package approvals

approve contains "fine" if {
	input.action == "act"
	every price in [price | some item in input.context.items; price := item.price] { price < 100 }
}
