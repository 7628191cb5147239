# Any step of a path may be missing.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.customer.address.country == "KP"
}
