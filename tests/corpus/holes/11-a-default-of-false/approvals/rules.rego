# The default says that nothing is wrong.
package approvals

approve contains "fine" if {
	input.action == "act"
	flagged == false
}

default flagged := false

flagged if input.context.flags.fraud == true
