//! What policy leaves to people, end to end: listed, voted on, resolved, told to the platform.

use serde_json::{Value, json};

use crate::harness::{ADMIN, APPROVER, Countersign, VIEWER, config, requested, token};
use crate::tracemem::TraceMem;

const CAROL: &str = "approver-token-of-carol-0123456789";

/// A server with a third person, and an open case about paying 5000.
async fn asked() -> (TraceMem, Countersign, String) {
    let platform = TraceMem::start().await;
    let people = format!("  tokens:\n    - {{name: carol, role: approver, token: {CAROL}}}\n");
    let config = config("enforce", &platform).replace(
        "  tokens:\n    - {name: alice",
        &format!("{people}    - {{name: alice"),
    );
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(5_000))).await;
    (platform, server, id)
}

async fn cast(server: &Countersign, id: &str, token: &str, body: &Value) -> (u16, Value) {
    server
        .call("POST", &format!("/v1/cases/{id}/votes"), token, Some(body))
        .await
}

fn code(answer: &(u16, Value)) -> (u16, Option<&str>) {
    (answer.0, answer.1["code"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_question_is_listed_with_whom_it_is_for_and_until_when() {
    let (_platform, server, id) = asked().await;
    let (_, page) = server.get("/v1/cases?state=open").await;
    let [case] = page["cases"].as_array().unwrap().as_slice() else {
        panic!("{page}");
    };
    assert_eq!(case["case_id"], json!(id));
    assert_eq!(
        (&case["escalation"]["to"], &case["escalation"]["votes"]),
        (&json!("payments"), &json!(2))
    );
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let within =
        moment(&case["escalation"]["deadline"]).duration_since(moment(&case["decided_at"]));
    assert_eq!(within.as_mins(), 30);
    assert_eq!(
        server.metric("countersign_cases_open").await,
        "countersign_cases_open 1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_approve_and_the_platform_hears_who_and_why() {
    let (platform, server, id) = asked().await;
    let (status, first) = server.vote(ADMIN, &id, "approve", "I called them").await;
    assert_eq!((status, &first["verdict"]["state"]), (200, &json!("open")));
    let (_, again) = server
        .vote(ADMIN, &id, "approve", "I called them twice")
        .await;
    assert_eq!(again["verdict"]["state"], "open", "one person is no quorum");
    assert_eq!(again["verdict"]["votes"].as_array().unwrap().len(), 1);
    let (status, second) = server
        .vote(APPROVER, &id, "approve", "seen the invoice")
        .await;
    assert_eq!(
        (status, &second["verdict"]["state"]),
        (200, &json!("answering"))
    );

    let answer = platform.wait_for(1).await[0].json();
    assert_eq!(
        (&answer["token"], &answer["resolution"]),
        (&json!(token(1)), &json!("approved"))
    );
    assert_eq!(
        answer["rationale"],
        "Approved by alice, bob: I called them twice (alice); seen the invoice (bob)"
    );
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["by"], "person:bob");
    let kinds: Vec<_> = file["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["kind"])
        .collect();
    assert_eq!(kinds, ["decided", "voted", "voted", "resolved", "answered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reject_is_enough_and_whoever_comes_late_is_told_who_decided() {
    let (platform, server, id) = asked().await;
    let digest = server.case(&id).await["digest"].clone();
    server.vote(ADMIN, &id, "approve", "fine").await;
    let (status, _) = server
        .vote(APPROVER, &id, "reject", "they are closed")
        .await;
    assert_eq!(status, 200);
    let answer = platform.wait_for(1).await[0].json();
    assert_eq!(answer["resolution"], "rejected");
    assert_eq!(answer["rationale"], "Rejected by bob: they are closed");
    let late = json!({"vote": "approve", "reason": "but", "digest": digest});
    let told = cast(&server, &id, CAROL, &late).await;
    assert_eq!(code(&told), (409, Some("closed")));
    assert!(
        told.1["detail"]
            .as_str()
            .unwrap()
            .contains("rejected by person:bob"),
        "{}",
        told.1
    );
    assert_eq!(told.1["verdict"]["resolution"]["outcome"], "rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_vote_at_once_are_all_counted_and_one_answer_leaves() {
    let (platform, server, id) = asked().await;
    let digest = server.case(&id).await["digest"].clone();
    let vote = json!({"vote": "approve", "reason": "ok", "digest": digest});
    let votes = [ADMIN, APPROVER, CAROL].map(|token| cast(&server, &id, token, &vote));
    let told = futures_util::future::join_all(votes).await;
    let statuses: Vec<u16> = told.iter().map(|(status, _)| *status).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        2,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        1,
        "{statuses:?}"
    );
    server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_on_what_was_shown_by_a_person_who_may_vote_and_says_why() {
    let (platform, server, id) = asked().await;
    let digest = server.case(&id).await["digest"].clone();
    let good = json!({"vote": "approve", "reason": "ok", "digest": digest});
    let but = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let without = |key: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(key);
        body
    };
    let stale = but("digest", json!("0".repeat(64)));
    assert_eq!(
        code(&cast(&server, &id, ADMIN, &stale).await),
        (409, Some("stale"))
    );
    for body in [
        without("digest"),
        but("digest", json!("abc")),
        but("by", json!("bob")),
        but("vote", json!("maybe")),
        without("vote"),
        but("extra", json!(1)),
    ] {
        assert_eq!(
            code(&cast(&server, &id, ADMIN, &body).await),
            (400, Some("malformed")),
            "{body}"
        );
    }
    for body in [without("reason"), but("reason", json!("  "))] {
        assert_eq!(
            code(&cast(&server, &id, ADMIN, &body).await),
            (422, Some("reason_required"))
        );
    }
    assert_eq!(
        code(&cast(&server, &id, VIEWER, &good).await),
        (403, Some("forbidden"))
    );
    assert_eq!(
        code(&cast(&server, &id, "nobody", &good).await),
        (401, Some("unverified"))
    );
    let nowhere = format!("case_{}", "0".repeat(32));
    assert_eq!(
        code(&cast(&server, &nowhere, ADMIN, &good).await),
        (404, Some("not_found"))
    );
    let verdict = &server.case(&id).await["verdict"];
    assert_eq!(
        (&verdict["state"], &verdict["votes"]),
        (&json!("open"), &json!([]))
    );
    server.stop().await;
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_nobody_answers_expires_and_nothing_is_sent() {
    let platform = TraceMem::start().await;
    let policy = r#"package approvals.pay

escalate contains {"reason": "ask", "within": "1s"} if input.action == "pay"
"#;
    let server = Countersign::start_with(
        &config("enforce", &platform),
        &[("approvals/pay/pay.rego", policy)],
    )
    .await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "expired");
    assert_eq!(file["verdict"]["resolution"]["by"], "deadline");
    let late = server.vote(ADMIN, &id, "approve", "sorry").await;
    assert_eq!(code(&late), (409, Some("closed")));
    server.stop().await;
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_decide_from_the_command_line() {
    let (platform, server, id) = asked().await;
    let first = server
        .command(ADMIN, &["approve", &id, "--reason", "known customer"])
        .await;
    assert_eq!(first.status, Some(0), "{first:?}");
    let viewer = server
        .command(VIEWER, &["approve", &id, "--reason", "me too"])
        .await;
    assert_eq!(viewer.status, Some(1), "{viewer:?}");
    let second = server
        .command(APPROVER, &["approve", &id, "--reason", "checked"])
        .await;
    assert_eq!(second.status, Some(0), "{second:?}");
    let answer = platform.wait_for(1).await[0].json();
    assert_eq!(
        answer["rationale"],
        "Approved by alice, bob: known customer (alice); checked (bob)"
    );

    let other = server.accepted(&requested(2, json!(6_000))).await;
    let rejected = server
        .command(CAROL, &["reject", &other, "--reason", "too much"])
        .await;
    assert_eq!(rejected.status, Some(0), "{rejected:?}");
    let answer = platform.wait_for(2).await[1].json();
    assert_eq!(
        (&answer["resolution"], &answer["rationale"]),
        (&json!("rejected"), &json!("Rejected by carol: too much"))
    );
    let late = server
        .command(ADMIN, &["approve", &other, "--reason", "but"])
        .await;
    assert_eq!(late.status, Some(2), "{late:?}");
}
