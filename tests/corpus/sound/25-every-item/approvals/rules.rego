# Every item has a price and none is dear.
package approvals

approve contains "fine" if {
	input.action == "act"
	count(input.context.items) > 0
	every item in input.context.items {
		item.price > 0
		item.price < 100
	}
}
