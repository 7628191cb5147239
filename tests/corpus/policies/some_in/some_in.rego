# Some … in with keys, values and a nested loop.
package approvals.some_in

approve contains "nothing speaks against it" if input.action == "act"

reject contains sprintf("line %v is too large", [line.id]) if {
	input.action == "act"
	some line in input.context.lines
	line.price * line.count > 500
}

reject contains "a tag is forbidden" if {
	input.action == "act"
	some line in input.context.lines
	some tag in line.tags
	tag in data.some_in.forbidden
}

escalate contains "a share is too large" if {
	input.action == "act"
	some owner, share in input.context.shares
	share > 50
	owner != "company"
}
