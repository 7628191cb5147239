# A line of a basket without a price hides in a basket of baskets.
package approvals

approve contains "fine" if {
	input.action == "act"
	not dear
}

dear if {
	some basket in input.context.baskets
	some line in basket.lines
	line.price * line.count > 100
}
