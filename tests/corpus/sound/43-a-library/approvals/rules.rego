# Helpers of a library, two levels deep.
package approvals

import data.lib.risk

approve contains "fine" if {
	input.action == "act"
	not risk.high(input.context)
}
