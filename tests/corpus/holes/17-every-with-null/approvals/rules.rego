# null is below the limit for each of them as well.
package approvals

approve contains "fine" if {
	input.action == "act"
	every item in input.context.items { item.price < 100 }
}
