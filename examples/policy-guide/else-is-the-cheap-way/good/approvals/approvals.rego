package approvals

# METADATA
# title: Low risk
approve contains "the risk is low" if {
	input.action == "stripe.refund"
	risk == "low"
}

risk := "high" if input.context.score >= 80

else := "low" if input.context.score >= 0
