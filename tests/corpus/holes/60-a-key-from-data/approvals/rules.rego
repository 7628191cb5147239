# Which flag to look at stands in data.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context[data.flag] == true
}
