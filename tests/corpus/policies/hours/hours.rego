# Times of the request and of the decision.
package approvals.hours

approve contains "nothing speaks against it" if input.action == "act"

escalate contains "at night" if {
	input.action == "act"
	[hour, _, _] := time.clock(time.parse_rfc3339_ns(input.context.at))
	hour < 8
}

reject contains "too old" if {
	input.action == "act"
	time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(input.context.at) > 86400000000000
}

escalate contains "in the freeze" if {
	input.action == "act"
	some window in data.hours.freezes
	input.context.at >= window.from
	input.context.at < window.to
}
