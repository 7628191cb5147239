# An address in a network of data.
package approvals

approve contains "fine" if {
	input.action == "act"
	net.cidr_contains(data.office, input.context.address)
}
