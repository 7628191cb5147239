# `to_number` of null is 0.
package approvals

approve contains "fine" if {
	input.action == "act"
	to_number(input.context.amount) < 100
}
