# And by a built-in.
package approvals

approve contains "fine" if {
	input.action == "act"
	is_null(input.context.cancelled_at)
}
