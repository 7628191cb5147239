package approvals

# METADATA
# title: Ordered by Alice
approve contains "Alice asked for it" if {
	input.action == "stripe.refund"
	contains(lower(input.message), "alice asked for it")
}
