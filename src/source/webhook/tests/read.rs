use serde_json::json;

use super::*;
use crate::domain::platform::PlatformOutcome;
use crate::domain::request::Proven;
use crate::source::{Elsewhere, Occasion};

#[test]
fn a_request_has_what_the_settings_find_and_nothing_else() {
    let request = request(&source(|_| {}), &asked());
    assert_eq!(request.source.as_str(), "desk");
    assert_eq!(request.platform, "webhook");
    assert_eq!(request.id.as_str(), "ap_1");
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.agent.as_deref(), Some("billing-bot"));
    assert_eq!(request.context, Some(json!({"amount": 49.9})));
    assert_eq!(request.title.as_deref(), Some("Refund"));
    assert_eq!(request.message.as_deref(), Some("please"));
    assert_eq!(
        request.requested_at,
        Some("2026-02-25T16:59:59Z".parse().unwrap())
    );
    assert_eq!(
        request.expires_at,
        Some("2026-02-25T17:30:00Z".parse().unwrap())
    );
    assert!(!request.rationale_required);
    assert_eq!(request.proven, Proven::default());
    assert_eq!(request.payload, asked());
    assert!(request.token.is_none());
}

#[test]
fn a_part_that_nobody_named_is_absent() {
    let source = source(|settings| settings.fields = Fields::of(at("/data/id")));
    let request = request(&source, &asked());
    assert_eq!(request.action, None);
    assert_eq!(request.agent, None);
    assert_eq!(request.context, None);
    assert_eq!(request.expires_at, None);
    assert!(!request.rationale_required);
}

#[test]
fn an_id_is_a_string_or_an_integer() {
    let source = source(|_| {});
    let id_of = |id: Value| request(&source, &with("/data/id", id)).id.to_string();
    assert_eq!(id_of(json!("42")), "42");
    assert_eq!(id_of(json!(42)), "42");
    assert_eq!(
        id_of(json!(18_446_744_073_709_551_615_u64)),
        "18446744073709551615"
    );
    for wrong in [
        json!(null),
        json!(1.5),
        json!(true),
        json!({}),
        json!([]),
        json!(""),
        json!("a\nb"),
        json!("x".repeat(257)),
    ] {
        assert!(
            read(&source, &with("/data/id", wrong.clone())).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn anything_but_a_plain_false_asks_for_a_rationale() {
    let source = source(|_| {});
    let required =
        |value: Value| request(&source, &with("/data/needs_reason", value)).rationale_required;
    assert!(!required(json!(false)) && !required(json!(null)));
    assert!(required(json!(true)) && required(json!("false")) && required(json!(0)));
}

#[test]
fn token_and_callback_are_in_nothing_that_others_see() {
    let source = source(|_| {});
    let callback = "https://app.example.com/results/9f8e7d?key=1";
    let mut body = asked();
    body["data"]["token"] = json!(TOKEN);
    body["data"]["callback"] = json!(callback);
    body["data"]["message"] = json!(format!("answer at {callback} with {TOKEN}"));
    body["data"]["context"] = json!({"link": format!("https://x.example/?t={TOKEN}"), TOKEN: 1});
    body["note"] = json!("https%3A%2F%2Fapp.example.com%2Fresults%2F9f8e7d%3Fkey%3D1");
    let request = request(&source, &body);
    assert_eq!(
        request.payload,
        json!({
            "event": "approval.requested", "sent_at": "2026-02-25T17:00:00Z",
            "data": {
                "id": "ap_1", "action": "stripe.refund", "agent": "billing-bot",
                "context": {"link": "https://x.example/?t=[token]"},
                "title": "Refund", "message": "answer at [callback] with [token]",
                "created_at": "2026-02-25T16:59:59Z", "expires_at": "2026-02-25T17:30:00Z", "needs_reason": false,
            },
            "note": "[callback]",
        })
    );
    assert_eq!(
        request.message.as_deref(),
        Some("answer at [callback] with [token]")
    );
    assert_eq!(
        request.context,
        Some(json!({"link": "https://x.example/?t=[token]"}))
    );
    let shown = format!("{request:?}");
    assert!(
        !shown.contains(TOKEN) && !shown.contains("9f8e7d"),
        "{shown}"
    );
    assert_eq!(
        request.token.unwrap().expose(),
        format!(r#"{{"token":"{TOKEN}","callback":"{callback}"}}"#)
    );
}

#[test]
fn a_token_inside_a_strings_json_is_taken_out_however_it_is_written() {
    let source = source(|settings| {
        let inside = |json: &str| FieldRule::Inside {
            at: pointer("/data/message"),
            json: pointer(json),
        };
        settings.fields.token = Some(inside("/t"));
        settings.fields.context = Some(inside("/c"));
        settings.fields.title = Some(inside("/title"));
    });
    let message = r#"{"t": "sh\u006frt", "c": {"again": "no"}, "title": "T"}"#;
    let short = request(&source, &with("/data/message", json!(message)));
    assert_eq!(
        short.payload["data"]["message"],
        json!(r#"{"c":{"again":"no"},"title":"T"}"#)
    );
    assert_eq!(short.token.unwrap().expose(), r#"{"token":"short"}"#);
    let message = format!(
        r#"{{"t": "{TOKEN}", "c": {{"again": "\u0074{}"}}, "title": "\u0074{}"}}"#,
        &TOKEN[1..],
        &TOKEN[1..]
    );
    let long = request(&source, &with("/data/message", json!(message)));
    assert_eq!(long.context, Some(json!({"again": "[token]"})));
    assert_eq!(long.title.as_deref(), Some("[token]"));
    assert!(!format!("{long:?}").contains(TOKEN));
}

#[test]
fn a_capability_of_the_wrong_kind_is_refused() {
    let source = source(|_| {});
    for place in ["/data/token", "/data/callback"] {
        for wrong in [json!(""), json!(7), json!({}), json!(true)] {
            assert!(
                read(&source, &with(place, wrong.clone())).is_err(),
                "{place} {wrong}"
            );
        }
    }
}

#[test]
fn a_second_delivery_is_another_content_if_anything_lasting_changed() {
    let source = source(|settings| settings.volatile.push(pointer("/data/token")));
    let content = |body: &Value| request(&source, body).content;
    let first = content(&asked());
    assert_eq!(
        content(&with("/sent_at", json!("2026-02-25T18:00:00Z"))),
        first
    );
    assert_eq!(
        content(&with("/data/token", json!(TOKEN))),
        first,
        "it is volatile"
    );
    for (place, value) in [
        ("/data/action", json!("stripe.payout")),
        ("/data/agent", json!("other")),
        ("/data/context", json!({"amount": 50})),
        ("/data/context", json!(null)),
        ("/data/title", json!("x")),
        ("/data/message", json!("x")),
        ("/data/expires_at", json!("2026-02-25T17:31:00Z")),
        ("/data/callback", json!("https://app.example.com/x")),
    ] {
        assert_ne!(content(&with(place, value)), first, "{place}");
    }
}

#[test]
fn without_events_every_delivery_asks() {
    let source = source(|settings| settings.events = None);
    assert_eq!(
        request(&source, &with("/event", json!(null))).id.as_str(),
        "ap_1"
    );
}

#[test]
fn an_event_that_is_not_listed_is_nothing_for_us() {
    let source = source(|_| {});
    for word in [
        "log.blocked",
        "Approval.Requested",
        "approval.requested ",
        "approval",
    ] {
        let Reading::Nothing(occasion) = read(&source, &with("/event", json!(word))).unwrap()
        else {
            panic!("{word}");
        };
        assert_eq!(
            occasion,
            Occasion {
                event: word.to_owned(),
                request: Some(id("ap_1")),
                delivery: None,
                content: occasion.content,
            }
        );
    }
    let Reading::Nothing(occasion) = read(&source, &json!({"event": "ping"})).unwrap() else {
        panic!("not nothing");
    };
    assert_eq!(occasion.request, None);
}

#[test]
fn a_delivery_without_an_event_is_refused() {
    let source = source(|_| {});
    for wrong in [
        json!(null),
        json!(""),
        json!(1),
        json!(["approval.requested"]),
    ] {
        assert!(
            read(&source, &with("/event", wrong.clone())).is_err(),
            "{wrong}"
        );
    }
    assert_eq!(
        read(&source, &json!([asked()])).err(),
        Some(Malformed::NotAnObject)
    );
}

#[test]
fn an_event_in_a_header_comes_once() {
    let source = source(|settings| {
        if let Some(events) = &mut settings.events {
            events.at = Place::Header(HeaderName::from_static("x-event"));
            events.id = Some(Place::Header(HeaderName::from_static("x-delivery")));
        }
    });
    let read = |values: &[&str]| read_with(&source, header("x-event", values), &asked());
    assert!(matches!(
        read(&["approval.requested"]),
        Ok(Reading::Request(_))
    ));
    assert!(matches!(read(&["other"]), Ok(Reading::Nothing(_))));
    for wrong in [
        &[][..],
        &[""],
        &["approval.requested", "approval.requested"],
    ] {
        assert!(read(wrong).is_err(), "{wrong:?}");
    }
    let mut headers = header("x-delivery", &["evt_1"]);
    headers.extend(header("x-event", &["other"]));
    let Reading::Nothing(occasion) = read_with(&source, headers, &asked()).unwrap() else {
        panic!("not nothing");
    };
    assert_eq!(occasion.delivery.as_deref(), Some("evt_1"));
    let mut twice = header("x-delivery", &["evt_1", "evt_2"]);
    twice.extend(header("x-event", &["other"]));
    assert!(read_with(&source, twice, &asked()).is_err());
}

#[test]
fn a_deliverys_own_id_is_a_name() {
    let source = source(|settings| {
        if let Some(events) = &mut settings.events {
            events.id = Some(Place::Body(pointer("/id")));
        }
    });
    let delivery = |id: Value| match read(&source, &json!({"event": "other", "id": id}))? {
        Reading::Nothing(occasion) => Ok::<_, Malformed>(occasion.delivery),
        other @ (Reading::Request(_) | Reading::Resolved(_)) => panic!("{other:?}"),
    };
    assert_eq!(delivery(json!("evt_1")), Ok(Some("evt_1".to_owned())));
    assert_eq!(delivery(json!(17)), Ok(Some("17".to_owned())));
    assert_eq!(delivery(json!(null)), Ok(None));
    for wrong in [json!(""), json!({}), json!("x".repeat(300))] {
        assert!(delivery(wrong.clone()).is_err(), "{wrong}");
    }
}

fn end(source: &Webhook, body: &Value) -> Elsewhere {
    match read(source, body).unwrap() {
        Reading::Resolved(elsewhere) => elsewhere,
        other @ (Reading::Request(_) | Reading::Nothing(_)) => panic!("no end: {other:?}"),
    }
}

#[test]
fn an_end_says_which_request_how_by_whom_and_why() {
    let body = json!({
        "event": "approval.denied",
        "data": {"id": 12, "status": "denied", "by": "user_7", "reason": "too much"},
    });
    let told = end(&source(|_| {}), &body);
    assert_eq!(
        told,
        Elsewhere {
            request: id("12"),
            event: "approval.denied".to_owned(),
            delivery: None,
            content: told.content,
            outcome: Some(PlatformOutcome::Rejected),
            by: Some("user_7".to_owned()),
            reason: Some("too much".to_owned()),
        }
    );
    let by = |by: Value| {
        let body = json!({"event": "approval.denied", "data": {"id": "1", "by": by}});
        end(&source(|_| {}), &body).by
    };
    assert_eq!(
        by(json!({"email": "a@example.com", "id": 4})),
        Some("a@example.com".to_owned())
    );
    assert_eq!(by(json!(9)), Some("9".to_owned()));
    assert_eq!(by(json!([])), None);
}

#[test]
fn the_events_word_names_the_outcome_where_nothing_better_does() {
    let source = source(|_| {});
    let outcome = |event: &str, status: Value| {
        let body = json!({"event": event, "data": {"id": "1", "status": status}});
        end(&source, &body).outcome
    };
    let other = |word: &str| Some(PlatformOutcome::Other(word.to_owned()));
    assert_eq!(
        outcome("approval.approved", json!(null)),
        Some(PlatformOutcome::Approved)
    );
    assert_eq!(
        outcome("approval.approved", json!("rejected")),
        Some(PlatformOutcome::Rejected)
    );
    assert_eq!(
        outcome("approval.approved", json!("executed")),
        Some(PlatformOutcome::Approved)
    );
    assert_eq!(
        outcome("approval.closed", json!("executed")),
        other("executed")
    );
    assert_eq!(outcome("approval.closed", json!(null)), other("closed"));
}

#[test]
fn an_end_may_name_the_request_elsewhere_than_the_request_does() {
    let source = source(|settings| {
        settings.resolved.id = Some(FieldRule::FirstOf(vec![
            at("/data/approval_id"),
            at("/data/id"),
        ]));
    });
    let of = |data: Value| {
        end(
            &source,
            &json!({"event": "approval.approved", "data": data}),
        )
        .request
    };
    assert_eq!(of(json!({"approval_id": "a", "id": "b"})), id("a"));
    assert_eq!(of(json!({"id": "b"})), id("b"));
    // A platform's own test may name nothing at all.
    let nothing = json!({"event": "approval.approved", "data": {}});
    let Reading::Nothing(occasion) = read(&source, &nothing).unwrap() else {
        panic!("not nothing");
    };
    assert_eq!(occasion.event, "approval.approved");
}

#[test]
fn what_an_acknowledgement_says_beside_our_words_depends_on_the_mode() {
    let source = source(|settings| {
        settings.acknowledge.enforce = json!({"decision": "defer"}).as_object().cloned();
    });
    assert_eq!(
        source
            .acknowledgement(Mode::Enforce)
            .map(|more| json!(more)),
        Some(json!({"decision": "defer"}))
    );
    assert!(source.acknowledgement(Mode::DryRun).is_none());
}
