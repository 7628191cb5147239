# All of no signatures are valid.
package approvals

approve contains "fine" if {
	input.action == "act"
	every signature in input.context.signatures { signature.valid == true }
}
