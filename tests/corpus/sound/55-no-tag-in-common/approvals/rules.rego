# Two sets that share nothing.
package approvals

approve contains "fine" if {
	input.action == "act"
	count({tag | some tag in input.context.tags} & {tag | some tag in data.forbidden}) == 0
}
