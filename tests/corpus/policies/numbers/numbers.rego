# Numbers that come as text.
package approvals.numbers

approve contains "nothing speaks against it" if input.action == "act"

reject contains "too dear" if {
	input.action == "act"
	to_number(input.context.amount) > 100
}

escalate contains "odd" if {
	input.action == "act"
	amount := to_number(input.context.count)
	amount % 2 == 1
}
