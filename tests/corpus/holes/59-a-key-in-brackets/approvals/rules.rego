# A key that is no name is missing as well.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context["risk-level"] == "high"
}
