# A built-in that cannot take a number is silent.
package approvals

approve contains "fine" if {
	input.action == "act"
	not endswith(input.context.email, "@rival.example")
}
