# The author says what an unlisted customer means.
package approvals

approve contains "fine" if {
	input.action == "act"
	object.get(data.blocked, input.context.customer_id, false) == false
}
