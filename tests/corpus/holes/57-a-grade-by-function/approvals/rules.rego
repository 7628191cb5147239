# A function's `else` answers for what it cannot grade.
package approvals

approve contains "fine" if {
	input.action == "act"
	grade(input.context.score) == "good"
}

grade(score) := "bad" if score > 80

else := "good"
