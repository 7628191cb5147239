# The author takes a number in either form.
package approvals

approve contains "fine" if {
	input.action == "act"
	amount > 0
	amount <= 100
}

amount := input.context.amount if is_number(input.context.amount)

amount := to_number(input.context.amount) if {
	is_string(input.context.amount)
	regex.match(`^[0-9]+$`, input.context.amount)
}
