# A regular expression and a glob.
package approvals

approve contains "fine" if {
	input.action == "act"
	regex.match(`^ord_[0-9]+$`, input.context.order)
	not glob.match("*.internal", ["."], input.context.host)
}
