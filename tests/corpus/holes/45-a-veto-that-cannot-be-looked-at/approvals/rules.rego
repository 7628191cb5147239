# Nothing speaks against it, since nothing can be said of it.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.amount > 1000
}
