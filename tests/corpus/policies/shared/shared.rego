# Two vetoes that rest on the same helper, the first of which ends elsewhere.
package approvals.shared

approve contains "nothing speaks against it" if input.action == "act"

reject contains "dear and foreign" if {
	input.action == "act"
	dear
	input.context.foreign == true
}

reject contains "dear" if {
	input.action == "act"
	dear
}

escalate contains "dear and unknown" if {
	input.action == "act"
	is_dear(input.context.amount)
	not dear
}

dear if input.context.amount > 100

is_dear(amount) if amount > 50
