# The largest and the smallest of a list.
package approvals

approve contains "fine" if {
	input.action == "act"
	max(input.context.amounts) <= 100
	min(input.context.amounts) > 0
}
