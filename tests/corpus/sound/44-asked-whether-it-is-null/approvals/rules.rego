# The author asks for null by its name.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.cancelled_at == null
}
