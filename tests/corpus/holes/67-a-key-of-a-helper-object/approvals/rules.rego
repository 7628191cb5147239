# An object built from the request lacks what the request lacks.
package approvals

approve contains "fine" if {
	input.action == "act"
	not limits.amount > 100
}

limits := {"amount": input.context.amount, "count": input.context.count}
