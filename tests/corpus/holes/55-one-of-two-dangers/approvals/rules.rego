# One body of the helper is false, the other cannot be looked at.
package approvals

approve contains "fine" if {
	input.action == "act"
	not risky
}

risky if input.context.score > 80

risky if input.context.country == "KP"
