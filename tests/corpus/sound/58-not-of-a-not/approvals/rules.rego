# Two negations over facts that are there.
package approvals

approve contains "fine" if {
	input.action == "act"
	not unsafe
}

unsafe if not safe

safe if {
	input.context.score >= 0
	input.context.score < 50
}
