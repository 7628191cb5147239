# Which limit holds depends on a tier that is missing.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.amount > limit
}

limit := 1000 if input.context.tier == "gold"

limit := 50 if input.context.tier == "basic"
