# Whom to ask stands in the request, and is not there.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

escalate contains {"reason": "a large amount", "to": input.context.team} if {
	input.action == "act"
	input.context.amount > 1000
}
