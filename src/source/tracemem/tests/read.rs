//! What TraceMem sends.

use serde_json::json;

use super::*;

#[test]
fn a_request_is_read_with_its_mapped_fields_and_without_its_token() {
    let request = request(&source(|_| ()), &asked());
    assert_eq!(request.id.as_str(), "appr_1");
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.agent.as_deref(), Some("billing-bot"));
    assert_eq!(request.context, Some(json!({"amount": 49.9})));
    assert_eq!(
        (request.title.as_deref(), request.message.as_deref()),
        (Some("Refund"), Some("please"))
    );
    assert_eq!(
        request.expires_at.unwrap().to_string(),
        "2026-02-25T17:30:00Z"
    );
    assert!(request.rationale_required && request.proven.signature && !request.proven.record);
    assert_eq!(request.token.as_ref().unwrap().expose(), TOKEN);
    assert_eq!(request.payload, without("token"));
    assert!(!format!("{request:?}").contains(TOKEN));
}

#[test]
fn the_token_is_blotted_out_wherever_else_it_turns_up() {
    let source = source(|settings| {
        settings.fields.context = Some(FieldRule::Inside {
            at: pointer("/message"),
            json: pointer(""),
        });
    });
    let mut body = with(
        "message",
        json!(r#"{"link": "https:\/\/x\/tok_5f0c9a1\u006577"}"#),
    );
    body["links"] = json!([{"answer": format!("https://api/x?token={TOKEN}")}]);
    body[TOKEN] = json!(1);
    let request = request(&source, &body);
    assert_eq!(
        request.payload["links"],
        json!([{"answer": "https://api/x?token=[token]"}])
    );
    assert_eq!(request.context, Some(json!({"link": "https://x/[token]"})));
    assert!(!format!("{request:?}").contains(TOKEN));
}

#[test]
fn a_part_that_is_missing_or_of_another_kind_is_absent() {
    let source = source(|_| ());
    let mut body = with("intent", json!(7));
    body["agent_id"] = json!({"id": "billing-bot"});
    body["context"] = Value::Null;
    body["title"] = json!(["Refund"]);
    let request = request(&source, &body);
    assert_eq!(
        (
            request.action,
            request.agent,
            request.context,
            request.title
        ),
        (None, None, None, None)
    );
}

#[test]
fn parts_are_read_from_json_inside_the_message_and_absent_when_it_is_no_json() {
    let source = source(|settings| {
        let inside = |json: &str| {
            Some(FieldRule::Inside {
                at: pointer("/message"),
                json: pointer(json),
            })
        };
        settings.fields = FieldMap {
            action: inside("/action"),
            context: inside(""),
            agent: None,
        };
    });
    let good = request(
        &source,
        &with("message", json!(r#"{"action": "deploy", "amount": 5}"#)),
    );
    assert_eq!(good.action.as_deref(), Some("deploy"));
    assert_eq!(good.context, Some(json!({"action": "deploy", "amount": 5})));
    for broken in [
        r#"{"action": "deploy""#,
        r#"{"action": "deploy", "action": "x"}"#,
        "deploy it",
        "",
    ] {
        let bad = request(&source, &with("message", json!(broken)));
        assert_eq!((bad.action, bad.context), (None, None), "{broken}");
    }
}

#[test]
fn a_request_that_cannot_be_answered_or_placed_is_malformed() {
    let source = source(|_| ());
    let message = |body: &Value| read(&source, body).unwrap_err().to_string();
    for field in ["approval_id", "token", "event"] {
        let expected = format!("`{field}` must be a string that is not empty");
        assert_eq!(message(&without(field)), expected);
        for value in [json!(""), json!(7), json!(null), json!(["appr_1"])] {
            assert_eq!(message(&with(field, value)), expected);
        }
    }
    assert_eq!(
        message(&with("approval_id", json!("a\nb"))),
        "`approval_id` is not usable: a request id must be 1 to 256 characters with no control characters"
    );
    let no_moment = "`expires_at` must be a date and time by RFC 3339, as `2026-01-31T12:00:00Z`";
    for value in [
        json!("soon"),
        json!("N/A"),
        json!(1_772_040_600),
        json!(true),
    ] {
        assert_eq!(message(&with("expires_at", value)), no_moment);
    }
    assert_eq!(message(&json!([asked()])), "the body must be a JSON object");
    let twice = asked()
        .to_string()
        .replacen('{', r#"{"token": "other","#, 1);
    assert_eq!(
        deliver(&source, twice.as_bytes()).unwrap_err().to_string(),
        "the key `token` is given twice; send it once (byte 93)"
    );
}

#[test]
fn only_a_plain_false_means_that_no_rationale_is_required() {
    let source = source(|_| ());
    let required = |body: &Value| request(&source, body).rationale_required;
    assert!(!required(&without("require_rationale")));
    assert!(!required(&with("require_rationale", json!(false))));
    for value in [json!(true), json!("false"), json!(0), json!({})] {
        assert!(required(&with("require_rationale", value)));
    }
}

#[test]
fn events_that_are_not_for_us_are_nothing() {
    let source = source(|_| ());
    for event in ["approval.viewed", "decision.closed", "ping"] {
        match read(&source, &json!({"event": event})).unwrap() {
            Reading::Nothing(read) => assert_eq!(read.event, event),
            other @ (Reading::Request(_) | Reading::Resolved(_)) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_resolved_event_is_read_in_any_of_its_likely_shapes() {
    let source = source(|_| ());
    let resolved = |more: Value| {
        let mut body = json!({"event": "approval.resolved", "approval_id": "appr_1"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        match read(&source, &body).unwrap() {
            Reading::Resolved(elsewhere) => (elsewhere.outcome, elsewhere.by, elsewhere.reason),
            other @ (Reading::Request(_) | Reading::Nothing(_)) => panic!("{other:?}"),
        }
    };
    let text = |text: &str| Some(text.to_owned());
    let (approved, rejected) = (
        Some(PlatformOutcome::Approved),
        Some(PlatformOutcome::Rejected),
    );
    assert_eq!(
        resolved(json!({"resolution": "approved", "approver": "ann", "rationale": "fine"})),
        (approved.clone(), text("ann"), text("fine"))
    );
    assert_eq!(
        resolved(
            json!({"status": "denied", "resolved_by": {"id": "u1", "email": "a@b"}, "reason": "no"})
        ),
        (rejected, text("a@b"), text("no"))
    );
    assert_eq!(
        resolved(json!({"status": "resolved", "outcome": "approve", "by": 7})),
        (approved, None, None)
    );
    let other = Some(PlatformOutcome::Other("withdrawn".to_owned()));
    assert_eq!(
        resolved(json!({"status": "withdrawn"})),
        (other, None, None)
    );
    assert_eq!(resolved(json!({})), (None, None, None));
    assert!(read(&source, &json!({"event": "approval.resolved"})).is_err());
}

#[test]
fn a_second_delivery_differs_in_what_was_read_and_in_nothing_else() {
    let source = source(|_| ());
    let content = |body: &Value| request(&source, body).content;
    let first = content(&asked());
    assert_eq!(
        content(&with("delivered_at", json!("2026-02-25T17:00:07Z"))),
        first
    );
    assert_eq!(content(&with("decision_id", json!("TMEM_2"))), first);
    assert_eq!(
        content(&with("expires_at", json!("2026-02-25T18:30:00+01:00"))),
        first
    );
    for (key, value) in [
        ("intent", json!("stripe.payout")),
        ("agent_id", json!("other")),
        ("context", json!({"amount": 4990})),
        ("title", json!("x")),
        ("message", json!("x")),
        ("expires_at", json!("2027-02-25T17:30:00Z")),
        ("token", json!("tok_other")),
    ] {
        assert_ne!(content(&with(key, value)), first, "{key}");
        if key != "token" {
            assert_ne!(content(&without(key)), first, "{key}");
        }
    }
}

#[test]
fn volatile_parts_do_not_make_a_conflict() {
    let volatile = ["/token", "/context/attempt", "/expires_at"]
        .map(pointer)
        .to_vec();
    let source = source(|settings| settings.volatile = volatile);
    let body = |token: &str, attempt: u32, expires_at: &str, amount: u32| {
        let mut body = with("context", json!({"amount": amount, "attempt": attempt}));
        body["token"] = json!(token);
        body["expires_at"] = json!(expires_at);
        request(&source, &body)
    };
    let first = body("tok_1", 1, "2026-02-25T17:30:00Z", 49);
    assert_eq!(
        body("tok_2", 2, "2026-02-25T17:31:00Z", 49).content,
        first.content
    );
    assert_ne!(
        body("tok_1", 1, "2026-02-25T17:30:00Z", 50).content,
        first.content
    );
    assert_eq!(
        first.context,
        Some(json!({"amount": 49, "attempt": 1})),
        "policies still see it"
    );
}
