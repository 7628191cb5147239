# A helper whose value is false is known.
package approvals

approve contains "fine" if {
	input.action == "act"
	not held
}

held := input.context.held == true
