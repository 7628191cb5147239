# Definitions of a function for several words.
package approvals

approve contains "fine" if {
	input.action == "act"
	fee(input.context.kind, input.context.amount) <= 10
	input.context.amount >= 0
}

fee("card", amount) := amount / 10

fee("wire", _) := 25
