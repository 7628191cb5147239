# A pair with a missing half equals nothing.
package approvals

approve contains "fine" if {
	input.action == "act"
	not [input.context.kind, input.context.region] == ["export", "KP"]
}
