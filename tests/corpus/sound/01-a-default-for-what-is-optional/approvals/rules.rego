# The author says what an absent priority means.
package approvals

approve contains "fine" if {
	input.action == "act"
	object.get(input.context, "priority", "normal") != "urgent"
	regex.match("^[a-z]*$", object.get(input.context, "priority", ""))
}
