# Risky is who is abroad and not vouched for; nobody says where they are.
package approvals

approve contains "fine" if {
	input.action == "act"
	not risky
}

risky if {
	input.context.place == "abroad"
	not vouched
}

vouched if input.context.voucher == "manager"
