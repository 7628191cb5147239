# Days in one form sort as text.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.due >= "2026-01-01"
	input.context.due <= "2026-12-31"
}
