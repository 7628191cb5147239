# The middle branch cannot be looked at, so the last one answers.
package approvals

approve contains "fine" if {
	input.action == "act"
	risk != "high"
}

risk := "low" if input.context.score < 20

else := "high" if input.context.country in {"KP", "IR"}

else := "middle"
