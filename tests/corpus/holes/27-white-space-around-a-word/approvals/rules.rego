# The forbidden word with a space is another word.
package approvals

approve contains "nothing speaks against it" if input.action == "act"

reject contains "no" if {
	input.action == "act"
	input.context.recipient == "mallory@example.com"
}
