# What cannot be reckoned is not above the limit.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.total - input.context.discount > 100
}
