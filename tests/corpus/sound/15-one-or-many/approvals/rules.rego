# The author takes one recipient or a list of them.
package approvals

approve contains "fine" if {
	input.action == "act"
	every recipient in recipients { endswith(recipient, "@own.example") }
	count(recipients) > 0
}

recipients := input.context.to if is_array(input.context.to)

recipients := [input.context.to] if is_string(input.context.to)
