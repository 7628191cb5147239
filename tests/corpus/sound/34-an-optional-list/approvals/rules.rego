# The author says that no list is an empty one.
package approvals

approve contains "fine" if {
	input.action == "act"
	count(object.get(input.context, "warnings", [])) == 0
}
