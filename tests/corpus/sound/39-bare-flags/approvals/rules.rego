# Flags on their own.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.confirmed
	not input.context.disputed
	is_boolean(input.context.confirmed)
}
