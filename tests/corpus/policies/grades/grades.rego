# Else chains and complete rules with a default.
package approvals.grades

approve contains "nothing speaks against it" if input.action == "act"

reject contains "grade too high" if {
	input.action == "act"
	grade == "high"
}

grade := "high" if input.context.score > 80

else := "mid" if input.context.score > 40

else := "low"

escalate contains "not cleared" if {
	input.action == "act"
	not cleared
}

default cleared := false

cleared if input.context.clearance == "full"

reject contains "flagged" if {
	input.action == "act"
	flag == true
}

default flag := false

flag if input.context.flags.fraud == true
