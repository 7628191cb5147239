# A list of data with members of several kinds has one of this kind.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.id in data.blocked
	not odd_id
}

odd_id if {
	is_string(input.context.id)
	not regex.match("^[a-z]+$", input.context.id)
}
