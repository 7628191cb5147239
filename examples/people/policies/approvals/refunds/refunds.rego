package approvals.refunds

# METADATA
# title: Small refund
approve contains reason if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
	reason := sprintf("refund of $%v is under $100", [input.context.amount])
}

# METADATA
# title: Large refund
escalate contains {"reason": reason, "to": "payments", "votes": 2, "within": "1h"} if {
	input.action == "stripe.refund"
	input.context.amount >= 500
	reason := sprintf("refund of $%v needs two people", [input.context.amount])
}
