# A pattern matches nothing that is no text.
package approvals

approve contains "fine" if {
	input.action == "act"
	not regex.match("^cus_bad", input.context.customer)
}
