# A set of objects made of the request.
package approvals.pairs

approve contains "nothing speaks against it" if input.action == "act"

pairs contains {"from": transfer.from, "to": transfer.to} if some transfer in input.context.transfers

reject contains "to itself" if {
	input.action == "act"
	some pair in pairs
	pair.from == pair.to
}

reject contains "a known bad pair" if {
	input.action == "act"
	{"from": "a", "to": "evil"} in pairs
}
