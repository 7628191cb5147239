# Assigned names, and a pattern that takes a record apart.
package approvals

approve contains "fine" if {
	input.action == "act"
	amount := input.context.amount
	limit := data.limits.refund
	amount > 0
	amount <= limit
	{"kind": kind} := {"kind": input.context.kind}
	kind == "refund"
}
