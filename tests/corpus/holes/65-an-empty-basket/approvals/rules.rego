# What is counted against a limit may be nothing at all.
package approvals

approve contains "fine" if {
	input.action == "act"
	count(input.context.recipients) <= 3
	not outside
}

outside if {
	some recipient in input.context.recipients
	not endswith(recipient, "@own.example")
}
