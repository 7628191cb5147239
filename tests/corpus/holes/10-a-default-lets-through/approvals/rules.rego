# The default speaks where the fact is missing.
package approvals

approve contains "fine" if {
	input.action == "act"
	risk == "low"
}

default risk := "low"

risk := "high" if input.context.score > 80
