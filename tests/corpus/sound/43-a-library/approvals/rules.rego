# Helpers of a library, two levels deep.
package approvals

import data.lib.risk

approve contains "fine" if {
	input.action == "act"
	not risk.high(input.context)
	input.context.score >= 0
	regex.match("^[A-Z]+$", input.context.country)
}
