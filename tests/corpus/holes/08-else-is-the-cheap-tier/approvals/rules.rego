# What is not known to be large falls through to `else`.
package approvals

approve contains "fine" if {
	input.action == "act"
	tier == "small"
}

tier := "large" if input.context.amount > 1000

else := "small"
