//! The operators' listener: who holds no token sees nothing, who may look may not act.

use serde_json::{Value, json};

use super::entries;
use crate::harness::{ADMIN, AGENT, APPROVER, Countersign, VIEWER, answer, config, requested};
use crate::tracemem::TraceMem;

const CALLS: [(&str, &str); 11] = [
    ("GET", "/v1/cases"),
    ("GET", "/v1/cases/CASE"),
    ("POST", "/v1/cases/CASE/votes"),
    ("GET", "/v1/policies"),
    ("POST", "/v1/policies/reload"),
    ("GET", "/v1/freeze"),
    ("PUT", "/v1/freeze"),
    ("DELETE", "/v1/freeze"),
    ("GET", "/v1/outbox"),
    ("POST", "/v1/outbox/1/retry"),
    ("GET", "/v1/log"),
];

/// A server with one open case, and its id.
async fn server() -> (Countersign, String) {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let (_, told) = server.deliver(&requested(1, json!(5_000))).await;
    let case = told["case_id"].as_str().unwrap().to_owned();
    (server, case)
}

fn vote(file: &Value) -> Value {
    json!({"vote": "approve", "reason": "looks right", "digest": file["digest"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_operators_token_nothing_is_seen_or_done() {
    let (server, case) = server().await;
    let body = vote(&server.case(&case).await);
    let part = &ADMIN[..ADMIN.len() - 1];
    for (method, path) in CALLS {
        let path = path.replace("CASE", &case);
        let bare = server
            .client
            .request(method.parse().unwrap(), server.operators(&path));
        let response = bare.body(body.to_string()).send().await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(
            response.headers().contains_key("www-authenticate"),
            "{path}"
        );
        let (status, told) = answer(response).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (401, Some("unverified")),
            "{method} {path}"
        );
        assert!(!told.to_string().contains(&case), "{told}");
        // An agent's token, a part of a right one, a right one with more, nothing.
        for token in [AGENT, part, &format!("{ADMIN}x"), ""] {
            let (status, told) = server.call(method, &path, token, Some(&body)).await;
            assert_eq!(
                (status, told["code"].as_str()),
                (401, Some("unverified")),
                "{method} {path} {token}"
            );
        }
    }
    // A token in the query is none.
    let in_query = server.operators(&format!("/v1/cases?token={ADMIN}"));
    assert_eq!(
        server.client.get(in_query).send().await.unwrap().status(),
        401
    );
    assert_eq!(entries(&server, "voted").await, 0);
    assert_eq!(server.get("/v1/freeze").await.1["freeze"], Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_may_not_vote_and_who_may_vote_may_not_freeze() {
    let (server, case) = server().await;
    let body = vote(&server.case(&case).await);
    let votes = format!("/v1/cases/{case}/votes");
    let freeze = json!({"reason": "stop"});
    for (method, path, token, body) in [
        ("POST", votes.as_str(), VIEWER, &body),
        ("PUT", "/v1/freeze", VIEWER, &freeze),
        ("PUT", "/v1/freeze", APPROVER, &freeze),
        ("DELETE", "/v1/freeze", APPROVER, &freeze),
        ("POST", "/v1/policies/reload", APPROVER, &freeze),
        ("POST", "/v1/outbox/1/retry", APPROVER, &freeze),
    ] {
        let (status, told) = server.call(method, path, token, Some(body)).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (403, Some("forbidden")),
            "{method} {path}"
        );
    }
    assert_eq!(entries(&server, "voted").await, 0);
    assert_eq!(server.get("/v1/freeze").await.1["freeze"], Value::Null);
    let (status, _) = server.call("POST", &votes, APPROVER, Some(&body)).await;
    assert_eq!(status, 200);
    assert_eq!(entries(&server, "voted").await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_is_forged_in_its_body_is_refused() {
    let (server, case) = server().await;
    let good = vote(&server.case(&case).await);
    let votes = format!("/v1/cases/{case}/votes");
    let text = good.to_string();
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string()
    };
    for body in [
        String::new(),
        "[]".to_owned(),
        text[..text.len() - 1].to_owned(),
        text.replacen('{', r#"{"vote": "reject","#, 1),
        with("vote", json!("maybe")),
        with("vote", json!("APPROVE")),
        with("vote", Value::Null),
        with("digest", Value::Null),
        with("digest", json!("0")),
        with("by", json!("alice")),
        "[".repeat(10_000),
    ] {
        let request = server
            .client
            .post(server.operators(&votes))
            .bearer_auth(APPROVER);
        let (status, told) = answer(request.body(body.clone()).send().await.unwrap()).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (400, Some("malformed")),
            "{body}"
        );
    }
    let other = with("digest", json!("0".repeat(64)));
    let request = server
        .client
        .post(server.operators(&votes))
        .bearer_auth(APPROVER);
    let (status, told) = answer(request.body(other).send().await.unwrap()).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("stale")));
    assert_eq!(entries(&server, "voted").await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_need_no_token_and_name_no_request() {
    let (server, case) = server().await;
    for path in ["/livez", "/readyz", "/readyz?verbose", "/metrics"] {
        let response = server
            .client
            .get(server.operators(path))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let text = response.text().await.unwrap();
        assert!(
            !text.contains(&case) && !text.contains("appr_1") && !text.contains("billing-bot"),
            "{path}: {text}"
        );
    }
    server.stop().await;
}
