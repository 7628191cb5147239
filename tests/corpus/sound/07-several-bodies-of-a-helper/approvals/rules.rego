# One body that holds is enough, whatever the others lack.
package approvals

approve contains "fine" if {
	input.action == "act"
	trusted
}

trusted if input.context.tier == "gold"

trusted if input.context.years > 5

trusted if input.context.vouched == true
