# The clock is always there.
package approvals

approve contains "fine" if {
	input.action == "act"
	time.now_ns() > time.parse_rfc3339_ns(data.from)
}
