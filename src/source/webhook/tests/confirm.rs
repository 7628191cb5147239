use serde_json::json;

use super::platform::Reply;
use super::*;
use crate::domain::request::Proven;

/// A list that comes whole, of records that say how they stand.
pub(super) fn lookup(url: &str) -> Lookup {
    Lookup {
        call: call(Method::GET, url, None),
        items: Some(pointer("")),
        fields: Fields {
            action: Some(at("/action")),
            agent: Some(at("/agent")),
            context: Some(at("/context")),
            expires_at: Some(at("/expires_at")),
            ..Fields::of(at("/id"))
        },
        status: Some(Status {
            at: pointer("/status"),
            pending: vec!["pending".to_owned(), "waiting".to_owned()],
        }),
        pages: Pages::One,
    }
}

pub(super) fn confirmed(settings: &mut Settings, lookup: Lookup) {
    settings.confirm = Some(Confirm {
        lookup,
        within: SignedDuration::from_mins(2),
    });
}

pub(super) fn record(id: &str) -> Value {
    json!({
        "id": id, "action": "stripe.refund", "agent": "billing-bot", "context": {"amount": 49.9},
        "status": "pending", "unknown": [1],
    })
}

pub(super) fn asking() -> ConfirmTask {
    ConfirmTask {
        request: id("ap_1"),
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        token: None,
        traceparent: None,
    }
}

async fn looked_up(body: &Value, change: impl FnOnce(&mut Lookup)) -> Confirmation {
    looked_up_as(200, &body.to_string(), change).await
}

async fn looked_up_as(status: u16, body: &str, change: impl FnOnce(&mut Lookup)) -> Confirmation {
    let platform = Platform::answering(status, body).await;
    source_at(&platform.url, |settings| {
        let mut lookup = lookup("{api_url}/logs?agent={agent}");
        change(&mut lookup);
        confirmed(settings, lookup);
    })
    .confirm(&asking())
    .await
}

fn the_record(confirmation: Confirmation) -> Request {
    match confirmation {
        Confirmation::Record(request) => *request,
        other @ (Confirmation::NotPending { .. }
        | Confirmation::Missing
        | Confirmation::Retry { .. }
        | Confirmation::Alert { .. }
        | Confirmation::Failed { .. }) => panic!("no record: {other:?}"),
    }
}

fn why(confirmation: Confirmation) -> String {
    match confirmation {
        Confirmation::Failed { error } => error,
        other @ (Confirmation::Record(_)
        | Confirmation::NotPending { .. }
        | Confirmation::Missing
        | Confirmation::Retry { .. }
        | Confirmation::Alert { .. }) => panic!("it did not fail: {other:?}"),
    }
}

fn only_record(lookup: &mut Lookup) {
    lookup.items = None;
}

#[tokio::test]
async fn what_the_platform_has_on_record_is_the_request() {
    let platform =
        Platform::answering(200, json!([record("ap_0"), record("ap_1")]).to_string()).await;
    let source = source_at(&platform.url, |settings| {
        confirmed(
            settings,
            lookup("{api_url}/logs?agent={agent}&action={action}"),
        );
    });
    assert_eq!(source.confirms_within(), Some(SignedDuration::from_mins(2)));
    let request = the_record(source.confirm(&asking()).await);
    assert_eq!(request.id.as_str(), "ap_1");
    assert_eq!(request.platform, "webhook");
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.context, Some(json!({"amount": 49.9})));
    assert_eq!(request.payload, record("ap_1"));
    assert_eq!(
        request.proven,
        Proven {
            signature: false,
            record: true
        }
    );
    let received = platform.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        received[0].line,
        "GET /logs?agent=billing-bot&action=stripe.refund"
    );
    assert_eq!(
        received[0].headers["authorization"],
        format!("Bearer {KEY}")
    );
    assert!(received[0].body.is_empty());
}

#[tokio::test]
async fn a_list_may_be_inside_the_response() {
    let body = json!({"data": {"items": [record("ap_1")]}, "total": 1});
    let found = looked_up(&body, |lookup| lookup.items = Some(pointer("/data/items"))).await;
    assert_eq!(the_record(found).id.as_str(), "ap_1");
    for (body, list) in [
        (json!({"data": {}}), "/data/items"),
        (json!({"data": {"items": {}}}), "/data/items"),
        (json!("x"), "/data"),
        (json!({}), ""),
    ] {
        let failed = looked_up(&body, |lookup| lookup.items = Some(pointer(list))).await;
        assert!(why(failed).contains("it holds no list"), "{body}");
    }
}

#[tokio::test]
async fn a_record_may_be_the_response() {
    let found = looked_up(&record("ap_1"), only_record).await;
    assert_eq!(the_record(found).payload, record("ap_1"));
    let other = looked_up(&record("ap_2"), only_record).await;
    assert!(why(other).contains("another request"));
    let none = looked_up(&json!({"error": "x"}), only_record).await;
    assert!(why(none).contains("another request"));
}

#[tokio::test]
async fn a_request_that_is_not_listed_is_missing() {
    for body in [json!([]), json!([record("ap_0"), record("ap_10")])] {
        assert!(matches!(
            looked_up(&body, |_| {}).await,
            Confirmation::Missing
        ));
    }
    let gone = looked_up_as(404, "{}", only_record).await;
    assert!(matches!(gone, Confirmation::Missing));
    let wrong_url = looked_up_as(404, "{}", |_| {}).await;
    assert!(why(wrong_url).contains("404"));
}

#[tokio::test]
async fn a_record_that_is_not_pending_says_how_it_stands() {
    let with_status = |status: Value| {
        let mut record = record("ap_1");
        record["status"] = status;
        json!([record])
    };
    the_record(looked_up(&with_status(json!("waiting")), |_| {}).await);
    for word in ["approved", "Pending", "pending "] {
        let stands = looked_up(&with_status(json!(word)), |_| {}).await;
        let Confirmation::NotPending { status } = stands else {
            panic!("{word}: {stands:?}");
        };
        assert_eq!(status, word);
    }
    for none in [json!(null), json!(1), json!(""), json!({})] {
        let failed = looked_up(&with_status(none.clone()), |_| {}).await;
        assert!(
            why(failed).contains("does not say whether it is pending"),
            "{none}"
        );
    }
    the_record(looked_up(&with_status(json!(null)), |lookup| lookup.status = None).await);
}

#[tokio::test]
async fn two_records_of_one_id_are_ambiguous_unless_they_say_the_same() {
    the_record(looked_up(&json!([record("ap_1"), record("ap_1")]), |_| {}).await);
    for (place, value) in [
        ("context", json!({"amount": 1})),
        ("status", json!("approved")),
    ] {
        let mut other = record("ap_1");
        other[place] = value;
        for list in [
            json!([record("ap_1"), other]),
            json!([other, record("ap_1")]),
        ] {
            let failed = looked_up(&list, |_| {}).await;
            assert!(why(failed).contains("ambiguous"), "{list}");
        }
    }
}

#[tokio::test]
async fn a_record_that_has_two_meanings_is_refused_and_hides_no_other() {
    let twice = r#"{"id": "ap_1", "action": "a", "status": "pending", "context": {"amount": 1, "amount": 900}}"#;
    let failed = looked_up_as(200, &format!("[{twice}]"), |_| {}).await;
    assert!(why(failed).contains("given twice"));
    let strange = r#"{"id": "ap_0", "context": {"n": 1e999, "n": 2}, "deep": "\ud800"}"#;
    let deep = format!(
        r#"{{"id": "ap_2", "deep": {}{}}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let list = format!("[{strange}, {deep}, 7, null, [], {}]", record("ap_1"));
    the_record(looked_up_as(200, &list, |_| {}).await);
    let two_ids = r#"[{"id": "ap_1", "id": "ap_2", "status": "pending"}]"#;
    let missing = looked_up_as(200, two_ids, |_| {}).await;
    assert!(matches!(missing, Confirmation::Missing));
    let two_lists = r#"{"items": [], "items": []}"#;
    let failed = looked_up_as(200, two_lists, |lookup| {
        lookup.items = Some(pointer("/items"));
    })
    .await;
    assert!(why(failed).contains("the key `items` is given twice"));
}

#[tokio::test]
async fn a_record_with_a_time_that_is_none_is_not_decided_on() {
    let mut record = record("ap_1");
    record["expires_at"] = json!("soon");
    assert!(why(looked_up(&json!([record]), |_| {}).await).contains("`expires_at` must be"));
}

#[tokio::test]
async fn a_response_that_is_no_json_is_no_record() {
    for body in ["", "<html>maintenance</html>", "[", "\u{feff}[]", "[]]"] {
        let failed = looked_up_as(200, body, |_| {}).await;
        assert!(why(failed).contains("it is not JSON"), "{body}");
        assert!(
            !why(looked_up_as(200, body, only_record).await).is_empty(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_platform_in_trouble_is_asked_again_and_one_that_knows_us_not_alerts() {
    for status in [408, 429, 500, 502, 503] {
        let platform = Platform::playing(move |_, _| {
            Reply(status, vec![("retry-after", "7".to_owned())], String::new())
        })
        .await;
        let source = source_at(&platform.url, |settings| {
            confirmed(settings, lookup("{api_url}/x"));
        });
        let troubled = source.confirm(&asking()).await;
        let Confirmation::Retry { after, .. } = troubled else {
            panic!("{status}: {troubled:?}");
        };
        assert_eq!(after, Some(std::time::Duration::from_secs(7)), "{status}");
    }
    for status in [401, 403] {
        let alert = looked_up_as(status, "{}", |_| {}).await;
        assert!(matches!(alert, Confirmation::Alert { .. }), "{status}");
    }
    for status in [301, 400, 409, 410, 422] {
        assert!(why(looked_up_as(status, "[]", |_| {}).await).contains(&status.to_string()));
    }
    let source = source(|settings| confirmed(settings, lookup("{api_url}/x")));
    let lost = source.confirm(&asking()).await;
    assert!(
        matches!(lost, Confirmation::Retry { after: None, .. }),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_record_is_not_asked_for_without_what_its_url_needs() {
    let platform = Platform::answering(200, "[]").await;
    let source = source_at(&platform.url, |settings| {
        confirmed(settings, lookup("{api_url}/logs?agent={agent}"));
    });
    let nameless = ConfirmTask {
        agent: None,
        ..asking()
    };
    assert!(why(source.confirm(&nameless).await).contains("nothing for `{agent}`"));
    let foreign = ConfirmTask {
        token: Some(Secret::new(TOKEN)),
        ..asking()
    };
    assert!(why(source.confirm(&foreign).await).contains("not stored by a source of this kind"));
    assert!(platform.received().is_empty());
}

fn with_token(token: &str) -> ConfirmTask {
    ConfirmTask {
        token: Some(Secret::new(json!({"token": token}).to_string())),
        ..asking()
    }
}

#[tokio::test]
async fn a_records_own_capabilities_are_taken_out_of_it() {
    let mut record = record("ap_1");
    record["secret"] = json!(TOKEN);
    record["context"] = json!({"link": format!("https://x.example/{TOKEN}")});
    let platform = Platform::answering(200, json!([record]).to_string()).await;
    let source = source_at(&platform.url, |settings| {
        let mut lookup = lookup("{api_url}/x");
        lookup.fields.token = Some(at("/secret"));
        confirmed(settings, lookup);
    });
    for task in [asking(), with_token(TOKEN), with_token("another-token")] {
        let request = the_record(source.confirm(&task).await);
        assert_eq!(
            request.context,
            Some(json!({"link": "https://x.example/[token]"}))
        );
        assert_eq!(request.payload.get("secret"), None);
        assert!(!format!("{request:?}").contains(TOKEN));
        assert_eq!(
            request.token.unwrap().expose(),
            format!(r#"{{"token":"{TOKEN}"}}"#)
        );
    }
}

#[tokio::test]
async fn what_a_delivery_calls_its_token_takes_nothing_out_of_a_record() {
    let mut record = record("ap_1");
    record["context"] = json!({"high_risk": true, "note": "sanctioned country"});
    for forged in ["high_risk", "sanctioned country", "stripe.refund"] {
        let body = json!([record.clone()]).to_string();
        let platform = Platform::answering(200, body).await;
        let source = source_at(&platform.url, |settings| {
            confirmed(settings, lookup("{api_url}/x"));
        });
        let failed = source.confirm(&with_token(forged)).await;
        assert!(
            why(failed).contains("repeats the request's token"),
            "{forged}"
        );
    }
    let platform = Platform::answering(200, json!([record]).to_string()).await;
    let source = source_at(&platform.url, |settings| {
        confirmed(settings, lookup("{api_url}/x"));
    });
    let request = the_record(source.confirm(&with_token(TOKEN)).await);
    assert_eq!(request.payload, record);
    assert_eq!(
        request.token.unwrap().expose(),
        format!(r#"{{"token":"{TOKEN}"}}"#)
    );
}

#[tokio::test]
async fn a_source_that_does_not_confirm_says_so() {
    let source = source(|_| {});
    assert_eq!(source.confirms_within(), None);
    assert!(why(source.confirm(&asking()).await).contains("does not read requests back"));
}
