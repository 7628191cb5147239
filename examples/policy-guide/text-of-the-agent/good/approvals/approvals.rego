package approvals

# METADATA
# title: Ordered by Alice
approve contains "Alice asked for it" if {
	input.action == "stripe.refund"
	data.tickets.asked_by[input.context.ticket] == "alice"
}
