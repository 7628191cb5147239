# Beginnings, ends and letters of texts that are there.
package approvals

approve contains "fine" if {
	input.action == "act"
	startswith(input.context.path, "/srv/")
	not endswith(input.context.path, ".key")
	not contains(lower(input.context.path), "secret")
}
