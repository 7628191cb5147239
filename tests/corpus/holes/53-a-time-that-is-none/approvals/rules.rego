# A time that cannot be read is on no weekend.
package approvals

approve contains "fine" if {
	input.action == "act"
	not weekend
}

weekend if time.weekday(time.parse_rfc3339_ns(input.requested_at)) in {"Saturday", "Sunday"}
