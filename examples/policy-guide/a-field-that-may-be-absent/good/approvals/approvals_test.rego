package approvals_test

import data.approvals

test_the_usual_request_is_approved if {
	count(approvals.approve) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50, "charged": 80, "note": "Broken"}}
}

test_a_refund_without_charge_and_note_is_approved if {
	count(approvals.approve - approvals.reject) > 0 with input as {"action": "stripe.refund", "context": {"amount": 50}}
}
