# null cannot be counted, so its count is not above zero.
package approvals

approve contains "fine" if {
	input.action == "act"
	not count(input.context.warnings) > 0
}
