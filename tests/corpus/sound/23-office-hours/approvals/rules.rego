# A window of time on weekdays.
package approvals

approve contains "fine" if {
	input.action == "act"
	not weekend
	clock[0] >= 8
	clock[0] < 18
}

at := time.parse_rfc3339_ns(input.requested_at)

clock := time.clock([at, "UTC"])

weekend if time.weekday(at) in {"Saturday", "Sunday"}
