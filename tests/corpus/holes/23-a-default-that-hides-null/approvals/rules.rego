# `object.get` gives its default for an absent field, not for null.
package approvals

approve contains "fine" if {
	input.action == "act"
	object.get(input.context, "amount", 0) < 100
}
