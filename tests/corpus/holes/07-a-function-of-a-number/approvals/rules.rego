# A function of an amount that is null is silent.
package approvals

approve contains "fine" if {
	input.action == "act"
	not is_large(input.context.amount)
}

is_large(amount) if amount > 1000
