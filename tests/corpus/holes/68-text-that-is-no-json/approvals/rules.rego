# What the text holds cannot be read.
package approvals

approve contains "fine" if {
	input.action == "act"
	not json.unmarshal(input.context.text).blocked == true
}
