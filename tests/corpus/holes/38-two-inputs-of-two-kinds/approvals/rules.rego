# Every number is below every text.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount <= input.context.remaining
}
