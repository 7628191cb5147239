# Two facts that are both missing are equal.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.billing_country == input.context.card_country
}
