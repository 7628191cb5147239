# Helper rules two deep, one of them negated.
package approvals.helpers

approve contains "nothing speaks against it" if input.action == "act"

reject contains "too dear for its tier" if {
	input.action == "act"
	too_dear
}

too_dear if {
	not trusted
	input.context.amount > 100
}

too_dear if input.context.amount > ceiling

ceiling := 1000 if input.context.tier == "gold"

ceiling := 500 if input.context.tier != "gold"

trusted if input.context.tier in {"gold", "silver"}

escalate contains "not looked at by anybody" if {
	input.action == "act"
	not reviewed
}

reviewed if input.context.review.state == "done"
