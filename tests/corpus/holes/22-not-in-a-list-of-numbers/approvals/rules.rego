# A text is in no list of numbers.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.account in data.closed
}
