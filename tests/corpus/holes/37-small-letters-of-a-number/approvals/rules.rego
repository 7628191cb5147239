# `lower` of a number is nothing, and nothing is not `kp`.
package approvals

approve contains "fine" if {
	input.action == "act"
	not lower(input.context.country) == "kp"
}
