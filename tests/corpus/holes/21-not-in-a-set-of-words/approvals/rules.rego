# Not in the set, since it is no word at all.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.country in {"KP", "IR"}
}
