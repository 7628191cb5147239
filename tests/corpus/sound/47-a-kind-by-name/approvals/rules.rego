# What is no number is not approved, and that is an answer.
package approvals

approve contains "fine" if {
	input.action == "act"
	type_name(input.context.amount) == "number"
	input.context.amount < 100
	input.context.amount > 0
}
