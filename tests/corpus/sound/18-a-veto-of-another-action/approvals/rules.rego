# What another action is asked for is not asked here.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "dear" if {
	input.action == "pay"
	input.context.amount > 100
}
