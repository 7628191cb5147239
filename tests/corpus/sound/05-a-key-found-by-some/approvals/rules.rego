# The same, by iteration over the keys.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	some "coupon", _ in input.context
}
