# The author leaves out what has no price.
package approvals

approve contains "fine" if {
	input.action == "act"
	sum([item.price | some item in input.context.items; is_number(item.price)]) <= 100
	count(input.context.items) > 0
	not negative
}

negative if {
	some item in input.context.items
	is_number(item.price)
	item.price < 0
}
