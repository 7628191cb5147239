# Every and its negation.
package approvals.every_item

approve contains "nothing speaks against it" if input.action == "act"

reject contains "an item is too dear" if {
	input.action == "act"
	not all_cheap
}

all_cheap if {
	every item in input.context.items {
		item.price < 100
		item.count <= 10
	}
}

escalate contains "all are gifts" if {
	input.action == "act"
	every item in input.context.items { item.gift == true }
}
