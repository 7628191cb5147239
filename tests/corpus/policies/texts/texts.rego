# Prefixes, suffixes, patterns and splits.
package approvals.texts

approve contains "nothing speaks against it" if input.action == "act"

reject contains "an evil address" if {
	input.action == "act"
	endswith(lower(input.context.mail), "@evil.example")
}

reject contains "a secret path" if {
	input.action == "act"
	startswith(input.context.path, "/secret/")
}

escalate contains "no order number" if {
	input.action == "act"
	not regex.match(`^ord_[0-9]+$`, input.context.order)
}

escalate contains "a foreign domain" if {
	input.action == "act"
	parts := split(input.context.mail, ".")
	last := parts[count(parts) - 1]
	not last in {"com", "example"}
}

escalate contains "a bad word" if {
	input.action == "act"
	contains(input.context.note, "urgent")
}
