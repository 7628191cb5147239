use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::store::Store as _;
use crate::web::tests::house::{House, heard};

fn event(id: &str, context: &Value) -> Value {
    json!({
        "event": "approval.requested", "approval_id": id, "decision_id": "TMEM_1", "token": "tok-en",
        "intent": "refund", "agent": "billing-bot", "context": context,
    })
}

fn refund(id: &str, amount: u32) -> Value {
    json!({"id": id, "action": "refund", "context": {"amount": amount, "customer": "x"}})
}

#[tokio::test]
async fn a_delivery_is_accepted_once_and_a_duplicate_after_that() {
    let house = House::open().await;
    let first = house.delivers(&event("appr_1", &json!({"amount": 50}))).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(first.json()["status"], "accepted");
    let again = house.delivers(&event("appr_1", &json!({"amount": 50}))).await;
    assert_eq!(again.json(), json!({"status": "duplicate", "case_id": first.json()["case_id"]}));
    let other = house.delivers(&event("appr_1", &json!({"amount": 51}))).await;
    other.is(409, "conflict");
    assert_eq!(other.json()["case_id"], first.json()["case_id"]);
    let resolved = json!({"event": "approval.resolved", "approval_id": "appr_1", "resolution": "approved"});
    assert_eq!(house.delivers(&resolved).await.json()["status"], "closed");
    let strange = house.delivers(&json!({"event": "ping"})).await;
    assert_eq!(strange.json(), json!({"status": "ignored"}));
    assert_eq!(house.lines.text().lines().count(), 1);
}

#[tokio::test]
async fn the_sender_is_not_told_which_check_failed() {
    let house = House::open().await;
    let mut answers = Vec::new();
    for (path, key) in [
        ("/v1/sources/tm/s3cre", "k3y"),
        ("/v1/sources/tm", "k3y"),
        ("/v1/sources/tm/s3cret", "k3"),
        ("/v1/sources/tm/%zz", "k3y"),
    ] {
        let request = http::Request::post(path).header("x-key", key).header("x-request-id", "same");
        let refused = heard(&house.intake, request.body("{}".into()).unwrap()).await;
        if path.ends_with("%zz") {
            refused.is(404, "unknown_source");
        } else {
            refused.is(401, "unverified");
            answers.push(refused.text);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let counted = house.operates("", "GET", "/metrics", "").await.text;
    assert!(counted.contains(r#"reason="path_wrong"} 2"#) && counted.contains(r#"reason="header_wrong"} 1"#), "{counted}");
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_with_its_code() {
    let house = House::open().await;
    house.delivers(&json!({"event": "approval.requested"})).await.is(400, "malformed");
    house.delivers(&event("appr_1", &json!({"long": "x".repeat(5000)}))).await.is(413, "too_large");
    for (method, path, status, code) in [
        ("POST", "/v1/sources/nobody", 404, "unknown_source"),
        ("POST", "/v1/sources/agents", 404, "unknown_source"),
        ("GET", "/v1/sources/tm/s3cret", 405, "method_not_allowed"),
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/cases", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
    ] {
        let request = http::Request::builder().method(method).uri(path).body("{}".into()).unwrap();
        heard(&house.intake, request).await.is(status, code);
    }
    assert_eq!(house.store.counts().await.unwrap().open, 0);
}

#[tokio::test]
async fn a_source_is_delivered_to_at_a_path_of_its_own() {
    let house = House::open().await;
    let body = BodyLimits { bytes: 4096, timeout: Duration::from_secs(10) };
    let source = crate::web::tests::house::name("tm");
    let door = Door { source, path: Some("/hooks/{odd}/tm".to_owned()), body, rate: None };
    let metrics = Arc::new(Metrics::new("test"));
    let agents = Tokens::new(Vec::new());
    let intake = Intake::new(Arc::clone(&house.flow), vec![door], agents, metrics, CancellationToken::new());
    let router = Arc::new(intake).router();
    let post = |path: &str| {
        let event = event("appr_1", &json!({"amount": 50})).to_string();
        http::Request::post(path).header("x-key", "k3y").body(event.into()).unwrap()
    };
    let accepted = heard(&router, post("/hooks/%7Bodd%7D/tm/s3cret")).await;
    accepted.is(404, "not_found");
    let mut request = post("/hooks/x/tm/s3cret");
    *request.uri_mut() = http::Uri::from_static("/hooks/{odd}/tm/s3cret");
    assert_eq!(heard(&router, request).await.json()["status"], "accepted");
    heard(&router, post("/v1/sources/tm/s3cret")).await.is(404, "unknown_source");
    let mut request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
    *request.uri_mut() = http::Uri::from_static("/hooks/{odd}/tm");
    let refused = heard(&router, request).await;
    refused.is(405, "method_not_allowed");
    assert_eq!(refused.headers["allow"], "POST");
}

#[tokio::test]
async fn forgeries_do_not_use_up_what_a_source_may_send() {
    let house = House::with_rate(std::num::NonZeroU32::new(1)).await;
    for _ in 0..3 {
        let forged = http::Request::post("/v1/sources/tm/wrong").body("{}".into()).unwrap();
        heard(&house.intake, forged).await.is(401, "unverified");
    }
    assert_eq!(house.delivers(&event("appr_1", &json!({"amount": 50}))).await.status, StatusCode::OK);
    let mut refused = house.delivers(&event("appr_2", &json!({"amount": 50}))).await;
    while refused.status == StatusCode::OK {
        refused = house.delivers(&event("appr_3", &json!({"amount": 50}))).await;
    }
    refused.is(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_agent_gets_its_verdict_in_the_answer_and_the_same_again() {
    let house = House::open().await;
    let approved = house.asks("b-token", &refund("r-1", 50)).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    let mut verdict = approved.json();
    for varying in ["case_id", "revision", "decided_at"] {
        verdict[varying] = "…".into();
    }
    verdict["resolution"]["at"] = "…".into();
    let revision = approved.json()["revision"].as_str().unwrap()[..12].to_owned();
    verdict["rationale"] = verdict["rationale"].as_str().unwrap().replace(&revision, "…").into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&verdict).unwrap(), @r#"
    {
      "case_id": "…",
      "source": "agents",
      "request_id": "r-1",
      "action": "refund",
      "agent": "billing-bot",
      "outcome": "approve",
      "cause": "rule",
      "state": "resolved",
      "resolution": {
        "outcome": "approved",
        "by": "policy",
        "at": "…",
        "reason": null,
        "answer": "none"
      },
      "platform_outcome": null,
      "rationale": "Approved by policy …: Small refund: it is under $100.",
      "evidence": [],
      "rules": [
        {
          "id": "approvals.refunds.approve#small-refund",
          "title": "Small refund",
          "reason": "it is under $100",
          "file": "refunds.rego",
          "line": 5
        }
      ],
      "revision": "…",
      "mode": "enforce",
      "decided_at": "…",
      "decided_by": "policy"
    }
    "#);
    assert_eq!(house.asks("b-token", &refund("r-1", 50)).await.json(), approved.json());
    house.asks("b-token", &refund("r-1", 51)).await.is(422, "idempotency_mismatch");
    let looked = house.looks("b-token", &format!("/v1/requests/{}", approved.json()["case_id"].as_str().unwrap())).await;
    assert_eq!(looked.json(), approved.json());
    let rejected = json!({"id": "r-2", "action": "refund", "context": {"amount": 1, "customer": "mallory"}});
    let rejected = house.asks("b-token", &rejected).await.json();
    assert_eq!((&rejected["outcome"], &rejected["resolution"]["outcome"]), (&"reject".into(), &"rejected".into()));
    // What it overruled is not the agent's business.
    assert_eq!(rejected["rules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_agent_whose_case_is_open_sees_neither_whom_it_went_to_nor_what_was_missing() {
    let house = House::open().await;
    for (body, cause) in [
        (json!({"id": "p", "action": "payout"}), "rule"),
        (json!({"id": "e", "action": "refund", "context": {"amount": 50}}), "evidence"),
        (json!({"id": "n", "action": "refund", "context": {"amount": 500, "customer": "x"}}), "no_rule"),
    ] {
        let asked = house.asks("b-token", &body).await;
        assert_eq!((asked.status, &asked.json()["cause"]), (StatusCode::ACCEPTED, &cause.into()), "{}", asked.text);
        let case = asked.json()["case_id"].as_str().unwrap().to_owned();
        assert_eq!(asked.headers["location"], format!("/v1/requests/{case}"));
        assert_eq!(asked.json()["state"], "open");
        for hidden in ["payments", "votes\"", "amount", "customer", "deadline", "escalation", "failures"] {
            assert!(!asked.text.contains(hidden), "{hidden} in {}", asked.text);
        }
    }
}

#[tokio::test]
async fn in_dry_run_nothing_tells_what_policy_said() {
    let house = House::open().await;
    let mut answers = Vec::new();
    for (id, amount) in [("1", 50), ("2", 500)] {
        let asked = house.asks("d-token", &refund(id, amount)).await;
        assert_eq!(asked.status, StatusCode::OK);
        let path = format!("/v1/requests/{}?wait=60s", asked.json()["case_id"].as_str().unwrap());
        assert_eq!(house.looks("d-token", &path).await.json(), asked.json());
        let mut answer = asked.json();
        assert_eq!((&answer["outcome"], &answer["mode"], &answer["state"]), (&Value::Null, &"dry_run".into(), &"resolved".into()));
        for varying in ["case_id", "request_id", "decided_at"] {
            answer[varying] = Value::Null;
        }
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_agent_that_waits_hears_the_moment_a_person_decides() {
    let house = House::open().await;
    let (case, digest) = house.open_case("w").await;
    let path = format!("/v1/requests/{case}?wait=60s");
    let vote = json!({"vote": "approve", "reason": "fine", "digest": digest}).to_string();
    let ballots = format!("/v1/cases/{case}/votes");
    let (waited, voted) =
        tokio::join!(house.looks("b-token", &path), house.operates("alice", "POST", &ballots, &vote));
    assert_eq!(voted.status, StatusCode::OK, "{}", voted.text);
    assert_eq!(waited.status, StatusCode::OK);
    let verdict = waited.json();
    assert_eq!((&verdict["outcome"], &verdict["state"]), (&"escalate".into(), &"resolved".into()));
    assert_eq!((&verdict["resolution"]["outcome"], &verdict["resolution"]["by"]), (&"approved".into(), &"person:alice".into()));
}

#[tokio::test]
async fn an_agent_that_waits_hears_at_once_when_the_house_stops() {
    let house = House::open().await;
    let (case, _) = house.open_case("w").await;
    house.stop.cancel();
    let waited = house.looks("b-token", &format!("/v1/requests/{case}?wait=60s")).await;
    assert_eq!((waited.status, &waited.json()["state"]), (StatusCode::ACCEPTED, &"open".into()));
}

#[tokio::test]
async fn an_agent_sees_its_own_cases_alone() {
    let house = House::open().await;
    let (case, _) = house.open_case("mine").await;
    let path = format!("/v1/requests/{case}");
    assert_eq!(house.looks("b-token", &path).await.status, StatusCode::ACCEPTED);
    for token in ["o-token", "d-token"] {
        house.looks(token, &path).await.is(404, "not_found");
    }
    house.looks("b-token", "/v1/requests/case_1").await.is(404, "not_found");
    let refused = house.looks("nobody", &path).await;
    refused.is(401, "unverified");
    assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    house.asks("alice", &refund("r", 1)).await.is(401, "unverified");
    house.looks("b-token", &format!("{path}?wait=forever")).await.is(400, "malformed");
    house.looks("b-token", &format!("{path}?wiat=1s")).await.is(400, "malformed");
}

#[tokio::test]
async fn a_request_that_has_expired_is_told_so() {
    let house = House::open().await;
    let late = json!({"id": "late", "action": "refund", "context": {"amount": 5}, "expires_at": "2020-01-01T00:00:00Z"});
    let asked = house.asks("b-token", &late).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert_eq!(asked.json()["resolution"]["outcome"], "expired");
    let late = json!({
        "event": "approval.requested", "approval_id": "late", "token": "t", "expires_at": "2020-01-01T00:00:00Z",
    });
    assert_eq!(house.delivers(&late).await.json()["status"], "accepted");
}

#[tokio::test]
async fn what_cannot_be_stored_is_503_and_can_be_sent_again() {
    let house = House::open().await;
    house.store.close().await;
    let refused = house.asks("b-token", &refund("r", 1)).await;
    refused.is(503, "unavailable");
    assert_eq!(refused.headers["retry-after"], "1");
    house.delivers(&event("appr_1", &json!({}))).await.is(503, "unavailable");
}
