# One body of the helper approves null, the other is false.
package approvals

approve contains "fine" if {
	input.action == "act"
	may
}

may if input.context.amount < 100

may if input.context.vip == true
