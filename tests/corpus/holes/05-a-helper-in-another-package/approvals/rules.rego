# The same, with the helper in a library.
package approvals

import data.lib.customers

approve contains "fine" if {
	input.action == "act"
	not customers.blocked
}
