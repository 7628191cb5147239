# `every` over what is no list is undefined, and `not` holds.
package approvals

approve contains "fine" if {
	input.action == "act"
	not all_large
}

all_large if every item in input.context.items { item.price > 100 }
