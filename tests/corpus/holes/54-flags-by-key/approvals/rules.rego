# A flag that is null or text is not true.
package approvals

approve contains "fine" if {
	input.action == "act"
	not any_flag
}

any_flag if {
	some _, value in input.context.flags
	value == true
}
