//! One request is one case, however often and in however many forms it comes.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{SECRET, counted, entries, server, server_with};
use crate::harness::{Countersign, config, requested, token};
use crate::tracemem::TraceMem;

async fn accepted(server: &Countersign, event: &Value) -> String {
    let (status, told) = server.deliver(event).await;
    assert_eq!(
        (status, told["status"].as_str()),
        (200, Some("accepted")),
        "{told}"
    );
    told["case_id"].as_str().unwrap().to_owned()
}

async fn duplicate_of(server: &Countersign, case: &str, event: &Value) {
    let (status, told) = server.deliver(event).await;
    assert_eq!(
        (status, &told),
        (200, &json!({"status": "duplicate", "case_id": case})),
        "{event}"
    );
}

/// How many entries of this kind are on the case's timeline.
async fn on_timeline(server: &Countersign, case: &str, kind: &str) -> usize {
    let file = server.case(case).await;
    let timeline = file["timeline"].as_array().unwrap();
    timeline
        .iter()
        .filter(|entry| entry["kind"] == kind)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_with_other_content_is_a_conflict_that_is_recorded_once_and_never_decided() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let mut first = requested(1, json!(50));
    first["expires_at"] = json!("2099-01-01T00:00:00Z");
    let case = accepted(&server, &first).await;
    platform.wait_for(1).await;
    let before = server
        .case_when(&case, |verdict| {
            verdict["resolution"]["answer"] == "settled"
        })
        .await;

    let changes = [
        ("context", json!({"amount": 99})),
        ("context", Value::Null),
        ("intent", json!("refund")),
        ("agent_id", json!("another-bot")),
        ("title", json!("Another title")),
        ("message", json!("another message")),
        ("expires_at", json!("2099-01-02T00:00:00Z")),
        ("expires_at", Value::Null),
        ("token", json!("another-capability-token")),
    ];
    for (number, (field, value)) in changes.iter().enumerate() {
        let mut other = first.clone();
        other[*field] = value.clone();
        for _ in 0..2 {
            let (status, told) = server.deliver(&other).await;
            assert_eq!(
                (status, told["code"].as_str()),
                (409, Some("conflict")),
                "{field}: {told}"
            );
            assert_eq!(told["case_id"], case.as_str());
            assert_eq!(
                on_timeline(&server, &case, "conflict").await,
                number + 1,
                "{field}"
            );
        }
    }
    assert_eq!(counted(&server, "conflict").await, 2 * changes.len() as u64);
    // What was decided stands as it was, and the right content is still its duplicate.
    let after = server.case(&case).await;
    assert_eq!(
        (&after["verdict"], &after["request"]),
        (&before["verdict"], &before["request"])
    );
    duplicate_of(&server, &case, &first).await;
    assert_eq!(entries(&server, "decided").await, 1);

    let server = server.restart().await;
    let mut other = first.clone();
    other["context"] = json!({"amount": 99});
    assert_eq!(server.deliver(&other).await.0, 409);
    assert_eq!(on_timeline(&server, &case, "conflict").await, changes.len());
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
    assert_eq!(platform.received()[0].json()["token"], token(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resend_in_other_bytes_is_a_duplicate() {
    let server = server_with(
        &format!("{{hmac: {{secrets: [{SECRET}]}}}}"),
        "volatile: [/context/attempt]",
    )
    .await;
    let mut first = requested(1, json!(50));
    first["context"]["attempt"] = json!(1);
    let case = accepted(&server, &first).await;
    // What a sender stamps anew at each attempt: outside of what is asked, and where the config says.
    let mut again = first.clone();
    again["sent_at"] = json!("2099-01-01T00:00:00Z");
    again["delivery"] = json!({"attempt": 2});
    again["context"]["attempt"] = json!(2);
    duplicate_of(&server, &case, &again).await;
    again["context"]
        .as_object_mut()
        .unwrap()
        .shift_remove("attempt");
    duplicate_of(&server, &case, &again).await;
    // Other keys first, other white space, other escapes: the same content.
    let reversed: serde_json::Map<_, _> = first
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .rev()
        .collect();
    let rewritten = serde_json::to_string_pretty(&reversed)
        .unwrap()
        .replace("please", "ple\\u0061se");
    let signed = crate::harness::signature(SECRET, rewritten.as_bytes());
    let (status, told) = server
        .deliver_raw(rewritten.into_bytes(), &[("X-TraceMem-Signature", &signed)])
        .await;
    assert_eq!(
        (status, told),
        (200, json!({"status": "duplicate", "case_id": case}))
    );
    assert_eq!(entries(&server, "decided").await, 1);
    assert_eq!(entries(&server, "conflict").await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_deliveries_at_once_are_one_case_one_decision_and_one_answer() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let event = requested(1, json!(50));
    let told = join_all((0..64).map(|_| server.deliver(&event))).await;
    let status = |word: &str| {
        told.iter()
            .filter(|(status, told)| *status == 200 && told["status"] == word)
            .count()
    };
    assert_eq!(
        (status("accepted"), status("duplicate")),
        (1, 63),
        "{told:?}"
    );
    let case = told[0].1["case_id"].as_str().unwrap();
    assert!(told.iter().all(|(_, told)| told["case_id"] == case));
    platform.wait_for(1).await;
    server
        .case_when(case, |verdict| verdict["resolution"]["answer"] == "settled")
        .await;
    assert_eq!(entries(&server, "decided").await, 1);
    assert_eq!(entries(&server, "conflict").await, 0);
    let (_, cases) = server.get("/v1/cases").await;
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1);
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_different_contents_at_once_one_is_decided_and_the_others_are_conflicts() {
    let server = server().await;
    let events: Vec<Value> = (0..32)
        .map(|amount| requested(1, json!(amount + 1)))
        .collect();
    let told = join_all(events.iter().map(|event| server.deliver(event))).await;
    let with = |wanted: u16| told.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((with(200), with(409)), (1, 31), "{told:?}");
    assert_eq!(entries(&server, "decided").await, 1);
    assert_eq!(entries(&server, "conflict").await, 31);
    server.stop().await;
}
