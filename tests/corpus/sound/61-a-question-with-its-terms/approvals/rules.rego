# Terms made of facts that are there.
package approvals

approve contains "nothing speaks against it" if {
	input.action == "act"
	object.get(input.context, "amount", 0) >= 0
}

escalate contains {"reason": sprintf("%v is much", [input.context.amount]), "to": input.context.team, "within": "30m"} if {
	input.action == "act"
	input.context.amount > 100
}
