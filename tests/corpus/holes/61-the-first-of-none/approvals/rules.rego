# There is no first approval to be one's own.
package approvals

approve contains "fine" if {
	input.action == "act"
	not input.context.approvals[0].by == input.agent.id
}
