# The dearest of those that say what they cost.
package approvals

approve contains "fine" if {
	input.action == "act"
	max([amount | some line in input.context.lines; amount := line.amount]) <= 100
}
