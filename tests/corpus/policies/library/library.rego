# A library package that two vetoes call by import.
package approvals.library

import data.money.rules as money

approve contains "nothing speaks against it" if input.action == "act"

reject contains "not allowed" if {
	input.action == "act"
	not money.is_allowed(input.context.amount, input.context.currency)
}

escalate contains "suspicious" if {
	input.action == "act"
	input.context.sender in money.suspicious
}

escalate contains "a round sum" if {
	input.action == "act"
	money.round
}
