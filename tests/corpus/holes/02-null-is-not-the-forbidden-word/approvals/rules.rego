# Whatever is not text differs from the forbidden text.
package approvals

approve contains "fine" if {
	input.action == "act"
	input.context.country != "KP"
}
