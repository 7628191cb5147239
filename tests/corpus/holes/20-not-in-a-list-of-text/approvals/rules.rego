# A number is in no list of texts.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.customer_id in data.blocked
}
