# Two negations make a plain comparison, null included.
package approvals

approve contains "fine" if {
	input.action == "act"
	not unsafe
}

unsafe if not safe

safe if input.context.score < 50
