# Each branch can be looked at until one holds.
package approvals

approve contains "fine" if {
	input.action == "act"
	grade in {"low", "mid"}
	input.context.score >= 0
}

grade := "high" if input.context.score > 80

else := "mid" if input.context.score > 40

else := "low"
