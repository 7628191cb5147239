# An index that is computed.
package approvals.neighbours

approve contains "nothing speaks against it" if input.action == "act"

escalate contains "e" if {
	input.action == "act"
	some i
	input.context.steps[i] == "pay"
	j := i + 1
	input.context.steps[j] != "confirm"
}
