# JSON inside of text.
package approvals.documents

approve contains "nothing speaks against it" if input.action == "act"

reject contains "too dear" if {
	input.action == "act"
	body := json.unmarshal(input.context.body)
	body.amount > 100
}

escalate contains "no reference" if {
	input.action == "act"
	not json.unmarshal(input.context.body).reference
}
