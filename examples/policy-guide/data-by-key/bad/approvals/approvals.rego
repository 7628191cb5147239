package approvals

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
	not data.customers.by_id[input.context.customer_id].blocked
}
