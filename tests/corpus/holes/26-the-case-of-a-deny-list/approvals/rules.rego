# A deny list knows one spelling.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.merchant in data.blocked
}
