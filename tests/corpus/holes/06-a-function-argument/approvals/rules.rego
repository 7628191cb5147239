# What is missing below an argument makes the function silent.
package approvals

approve contains "fine" if {
	input.action == "act"
	not is_blocked(input.context.customer)
}

is_blocked(customer) if customer.status == "blocked"
