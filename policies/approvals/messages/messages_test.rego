package approvals.messages_test

import data.approvals.messages

lists := {
	"approved_templates": ["order_delayed"],
	"do_not_contact": ["cus_quiet"],
	"sensitive_words": ["lawsuit"],
}

message(context) := {
	"action": "message.send",
	"agent": {"id": "support-bot"},
	"context": object.union({"template": "order_delayed", "recipients": 1, "customer_id": "cus_1"}, context),
}

approved(request) if {
	count(messages.approve) == 1 with input as request
		with data.messages as lists
		with data.agents.known as {"support-bot": {"may": ["message.send"]}}
}

rejected(request) if {
	count(messages.reject) == 1 with input as request
		with data.messages as lists
}

escalated(request) if {
	count(messages.escalate) == 1 with input as request
		with data.messages as lists
		with data.limits.messages as {"recipients": 50}
}

test_an_approved_template_to_one_customer_is_approved if approved(message({}))

test_another_template_is_not if not approved(message({"template": "free_text"}))

test_words_of_its_own_are_not_approved if not approved(message({"text": "Trust me."}))

test_several_recipients_are_not_approved if not approved(message({"recipients": 2}))

test_a_stranger_is_not_approved if not approved(object.union(message({}), {"agent": {"id": "stranger"}}))

test_who_wants_no_messages_gets_none if rejected(message({"customer_id": "cus_quiet"}))

test_others_are_not_rejected if not rejected(message({}))

test_many_recipients_go_to_a_person if {
	escalated(message({"recipients": 51}))
	not escalated(message({"recipients": 50}))
}

test_sensitive_words_go_to_a_person if escalated(message({"text": "We will settle the LAWSUIT."}))

test_a_message_without_text_does_not if not escalated(message({}))
