# The lines of a basket, added up.
package approvals

approve contains "fine" if {
	input.action == "act"
	total > 0
	total <= 100
}

total := sum([subtotal | some line in input.context.lines; subtotal := line.price * line.count])
