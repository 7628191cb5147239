# null has a name before it is compared.
package approvals

approve contains "fine" if {
	input.action == "act"
	amount := input.context.amount
	amount < 100
}
