# A default, and a flag that is there.
package approvals

approve contains "fine" if {
	input.action == "act"
	risk == "low"
	input.context.score >= 0
}

default risk := "low"

risk := "high" if input.context.score > 80
