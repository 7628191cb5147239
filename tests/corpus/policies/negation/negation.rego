# Conditions that hold when something is not said.
package approvals.negation

approve contains "nothing speaks against it" if input.action == "act"

escalate contains "not confirmed" if {
	input.action == "act"
	not input.context.confirmed
}

escalate contains "no manager said yes" if {
	input.action == "act"
	not said_yes
}

said_yes if {
	some vote in input.context.votes
	vote.by == "manager"
	vote.says == "yes"
}
