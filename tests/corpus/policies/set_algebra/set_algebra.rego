# Partial sets, their union, intersection and difference, and sets of objects.
package approvals.set_algebra

approve contains "nothing speaks against it" if input.action == "act"

asked contains permission if some permission in input.context.permissions

granted contains permission if {
	some role in input.context.roles
	some permission in data.set_algebra.roles[role]
}

reject contains "asks for more than it has" if {
	input.action == "act"
	count(asked - granted) > 0
}

escalate contains "asks for much" if {
	input.action == "act"
	count(asked & {"delete", "admin"}) > 0
}
