# `not` holds where there is nothing to deny.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.flagged
}
