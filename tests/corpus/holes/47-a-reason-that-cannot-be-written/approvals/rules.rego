# The veto's reason names somebody, and nobody is named.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains sprintf("%s is blocked", [input.context.name]) if {
	input.action == "act"
	input.context.customer_id in data.blocked
}
