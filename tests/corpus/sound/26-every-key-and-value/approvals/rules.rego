# Every flag is off.
package approvals

approve contains "fine" if {
	input.action == "act"
	every name, value in input.context.flags {
		value == false
		name in data.flags
	}
}
