# What stands in for a field that may be left out.
package approvals.defaults

approve contains "nothing speaks against it" if input.action == "act"

reject contains "wrong currency" if {
	input.action == "act"
	object.get(input.context, "currency", "USD") != "USD"
}

reject contains "risky unless said otherwise" if {
	input.action == "act"
	object.get(input.context, "risk", "high") == "high"
}

escalate contains "too deep" if {
	input.action == "act"
	object.get(input.context, ["nested", "depth"], 0) > 3
}
