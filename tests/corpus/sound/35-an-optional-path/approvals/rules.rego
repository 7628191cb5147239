# A path of keys with a default.
package approvals

approve contains "fine" if {
	input.action == "act"
	object.get(input.context, ["customer", "tier"], "basic") != "blocked"
	regex.match("^[a-z]+$", object.get(input.context, ["customer", "tier"], "basic"))
}
