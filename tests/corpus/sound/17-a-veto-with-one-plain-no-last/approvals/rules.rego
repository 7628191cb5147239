# The same in the other order.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.amount > 1000
	input.context.kind == "wire"
}
