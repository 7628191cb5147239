# Two signatures of one person are counted as two.
package approvals

approve contains "fine" if {
	input.action == "act"
	count(input.context.signers) >= 2
	every signer in input.context.signers { signer in data.signers }
}
