# A list of data with members of several kinds has one of this kind.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.id in data.blocked
}
