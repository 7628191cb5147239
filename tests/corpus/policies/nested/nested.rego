# Fields a few levels down, some of them side by side in one list.
package approvals.nested

approve contains "nothing speaks against it" if input.action == "act"

reject contains "owner is suspended" if {
	input.action == "act"
	input.context.account.owner.status == "suspended"
}

reject contains "a beneficiary is sanctioned" if {
	input.action == "act"
	input.context.account.beneficiaries[_].person.sanctioned == true
}

escalate contains "not the owner" if {
	input.action == "act"
	input.context.account.owner.id != input.context.by.id
}

escalate contains "first of them is new" if {
	input.action == "act"
	input.context.account.beneficiaries[0].days < 30
}
