# What is plainly not so clears the veto, whatever else is missing.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.kind == "wire"
	input.context.amount > 1000
}
