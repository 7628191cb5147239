# The last key alone may be missing: here it is the record.
package approvals

approve contains "fine" if {
	input.action == "act"
	not data.customers[input.context.customer_id].flagged
}
