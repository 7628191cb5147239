# Enough people signed, each of whom may.
package approvals

approve contains "fine" if {
	input.action == "act"
	count({signer | some signer in input.context.signers; signer in data.signers}) >= 2
}
