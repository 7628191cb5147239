use http::StatusCode;
use serde_json::json;

use crate::store::Store as _;
use crate::web::tests::house::{House, POLICY, heard};

#[tokio::test]
async fn each_role_may_do_what_it_may_and_no_more() {
    let house = House::open().await;
    let (case, digest) = house.open_case("c").await;
    let votes = format!("/v1/cases/{case}/votes");
    let vote = json!({"vote": "approve", "digest": digest}).to_string();
    for (method, path, body) in [
        ("GET", "/v1/cases", ""),
        ("GET", "/v1/policies", ""),
        ("GET", "/v1/freeze", ""),
        ("GET", "/v1/outbox", ""),
        ("GET", "/v1/log", ""),
        ("GET", &format!("/v1/cases/{case}/explanation"), ""),
        ("GET", "/openapi.json", ""),
    ] {
        assert_eq!(
            house.operates("vera", method, path, body).await.status,
            StatusCode::OK,
            "{path}"
        );
        house
            .operates("b-token", method, path, body)
            .await
            .is(401, "unverified");
    }
    house
        .operates("vera", "POST", &votes, &vote)
        .await
        .is(403, "forbidden");
    for (method, path, body) in [
        ("POST", "/v1/policies/reload", ""),
        ("PUT", "/v1/freeze", r#"{"reason": "x"}"#),
        ("DELETE", "/v1/freeze", ""),
        ("POST", "/v1/outbox/1/retry", ""),
    ] {
        house
            .operates("alice", method, path, body)
            .await
            .is(403, "forbidden");
    }
    assert_eq!(
        house.operates("root", "POST", &votes, &vote).await.status,
        StatusCode::OK
    );
    for open in ["/metrics", "/livez", "/readyz", "/readyz?verbose"] {
        let request = http::Request::get(open)
            .body(axum::body::Body::empty())
            .unwrap();
        assert_eq!(
            heard(&house.operators, request).await.status,
            StatusCode::OK,
            "{open}"
        );
    }
    house
        .operates("root", "GET", &format!("/v1/cases/{case}/nothing"), "")
        .await
        .is(404, "not_found");
    house
        .operates("root", "POST", "/v1/cases", "")
        .await
        .is(405, "method_not_allowed");
    house
        .operates("root", "POST", "/v1/outbox/1/retry", "")
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn cases_are_listed_filtered_and_paged() {
    let house = House::open().await;
    for number in 0..5 {
        house.asks("b-token", &json!({"id": format!("r-{number}"), "action": "refund", "context": {"amount": 5, "customer": "x"}})).await;
    }
    house.open_case("open-one").await;
    let list = async |query: &str| {
        house
            .operates("vera", "GET", &format!("/v1/cases{query}"), "")
            .await
    };
    assert_eq!(list("").await.json()["cases"].as_array().unwrap().len(), 6);
    let open = list("?state=open").await.json();
    assert_eq!(open["cases"][0]["request_id"], "open-one");
    assert!(open["cases"].as_array().unwrap().len() == 1 && open["next"].is_null());
    assert_eq!(list("?q=r-3").await.json()["cases"][0]["request_id"], "r-3");
    assert_eq!(
        list("?outcome=approve&source=agents").await.json()["cases"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    let first = list("?limit=4").await.json();
    let second = house
        .operates(
            "vera",
            "GET",
            &format!(
                "/v1/cases?limit=4&cursor={}",
                first["next"].as_str().unwrap()
            ),
            "",
        )
        .await;
    assert_eq!(second.json()["cases"].as_array().unwrap().len(), 2);
    for wrong in [
        "?state=done",
        "?outcome=maybe",
        "?limit=0",
        "?limit=x",
        "?cursor=nonsense",
        "?staet=open",
        "?source=A/B",
    ] {
        list(wrong).await.is(400, "malformed");
    }
}

#[tokio::test]
async fn a_case_is_shown_with_what_it_was_decided_on_and_without_its_token() {
    let house = House::open().await;
    let event = json!({
        "event": "approval.requested", "approval_id": "appr_1", "token": "tok-en",
        "intent": "unknown", "agent": "billing-bot", "context": {"amount": 5},
    });
    let case = house.delivers(&event).await.json()["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = house
        .operates("vera", "GET", &format!("/v1/cases/{case}"), "")
        .await;
    let file = shown.json();
    assert_eq!(file["verdict"]["case_id"], case);
    assert_eq!(file["request"]["context"]["amount"], 5);
    assert_eq!(file["digest"].as_str().unwrap().len(), 64);
    assert_eq!(file["timeline"][0]["kind"], "decided");
    let log = house.operates("vera", "GET", "/v1/log?after=0", "").await;
    assert!(
        log.json()["entries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["case_id"] == case)
    );
    for text in [&shown.text, &log.text, &house.lines.text()] {
        assert!(!text.contains("tok-en"), "{text}");
    }
    house
        .operates("vera", "GET", "/v1/cases/case_00", "")
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn a_vote_counts_only_with_the_digest_of_what_stands_and_in_the_name_of_its_token() {
    let house = House::open().await;
    let (case, digest) = house.open_case("v").await;
    let path = format!("/v1/cases/{case}/votes");
    let vote = async |body: String| house.operates("alice", "POST", &path, &body).await;
    vote(json!({"vote": "approve"}).to_string())
        .await
        .is(400, "malformed");
    vote(json!({"vote": "approve", "digest": "12"}).to_string())
        .await
        .is(400, "malformed");
    vote(json!({"vote": "approve", "digest": digest, "by": "bob"}).to_string())
        .await
        .is(400, "malformed");
    vote(json!({"vote": "approve", "digest": digest, "resaon": "x"}).to_string())
        .await
        .is(400, "malformed");
    vote(json!({"vote": "perhaps", "digest": digest}).to_string())
        .await
        .is(400, "malformed");
    vote(format!(
        r#"{{"vote": "reject", "vote": "approve", "digest": "{digest}"}}"#
    ))
    .await
    .is(400, "malformed");
    let stale = vote(json!({"vote": "approve", "digest": "0".repeat(64)}).to_string()).await;
    stale.is(409, "stale");
    assert_eq!(stale.json()["verdict"]["state"], "open");
    let counted =
        vote(json!({"vote": "approve", "reason": "fine", "digest": digest}).to_string()).await;
    assert_eq!(
        counted.json()["verdict"]["resolution"]["by"],
        "person:alice"
    );
    assert_eq!(counted.json()["verdict"]["votes"][0]["reason"], "fine");
    let late = house
        .operates(
            "bob",
            "POST",
            &path,
            &json!({"vote": "reject", "digest": digest}).to_string(),
        )
        .await;
    late.is(409, "closed");
    assert_eq!(late.json()["verdict"]["resolution"]["by"], "person:alice");
    let nobody = "/v1/cases/case_00000000000000000000000000000000/votes";
    house
        .operates(
            "bob",
            "POST",
            nobody,
            &json!({"vote": "reject", "digest": digest}).to_string(),
        )
        .await
        .is(404, "not_found");
}

#[tokio::test]
async fn two_people_make_a_quorum_of_two_and_one_person_twice_does_not() {
    let house = House::open().await;
    let asked = house
        .asks("b-token", &json!({"id": "p", "action": "payout"}))
        .await
        .json();
    let case = asked["case_id"].as_str().unwrap();
    let digest = house.digest(case).await;
    let path = format!("/v1/cases/{case}/votes");
    let body = json!({"vote": "approve", "digest": digest}).to_string();
    for _ in 0..2 {
        assert_eq!(
            house.operates("alice", "POST", &path, &body).await.json()["verdict"]["state"],
            "open"
        );
    }
    assert_eq!(
        house.operates("bob", "POST", &path, &body).await.json()["verdict"]["state"],
        "resolved"
    );
}

#[tokio::test]
async fn where_the_platform_insists_on_a_rationale_a_vote_needs_a_reason() {
    let house = House::open().await;
    let event = json!({"event": "approval.requested", "approval_id": "a", "token": "t", "require_rationale": true});
    let case = house.delivers(&event).await.json()["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let digest = house.digest(&case).await;
    let path = format!("/v1/cases/{case}/votes");
    for reason in [json!(null), json!("  ")] {
        let vote = json!({"vote": "reject", "digest": digest, "reason": reason}).to_string();
        house
            .operates("alice", "POST", &path, &vote)
            .await
            .is(422, "reason_required");
    }
}

#[tokio::test]
async fn a_freeze_stops_approvals_until_it_is_lifted() {
    let house = House::open().await;
    let refund =
        |id: &str| json!({"id": id, "action": "refund", "context": {"amount": 5, "customer": "x"}});
    house
        .operates("root", "PUT", "/v1/freeze", "{}")
        .await
        .is(400, "malformed");
    house
        .operates("root", "PUT", "/v1/freeze", r#"{"reason": " "}"#)
        .await
        .is(422, "reason_required");
    let frozen = house
        .operates("root", "PUT", "/v1/freeze", r#"{"reason": "incident 7"}"#)
        .await;
    assert_eq!(frozen.json()["freeze"]["by"], "root");
    let asked = house.asks("b-token", &refund("1")).await;
    assert_eq!(
        (asked.status, &asked.json()["cause"]),
        (StatusCode::ACCEPTED, &"frozen".into())
    );
    assert!(
        !asked.text.contains("incident 7") && !asked.text.contains("Small refund"),
        "{}",
        asked.text
    );
    let ready = house.operates("", "GET", "/readyz?verbose", "").await;
    assert!(
        ready.status == StatusCode::OK && ready.text.contains("[-]approvals frozen by root"),
        "{}",
        ready.text
    );
    let lifted = house.operates("root", "DELETE", "/v1/freeze", "").await;
    assert_eq!(lifted.json()["lifted"]["reason"], "incident 7");
    assert_eq!(
        house.operates("vera", "GET", "/v1/freeze", "").await.json(),
        json!({"freeze": null})
    );
    assert_eq!(
        house.asks("b-token", &refund("2")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn refused_policies_are_shown_and_those_before_them_still_serve() {
    let house = House::open().await;
    let file = house.policies().join("policies/refunds.rego");
    let live = house
        .operates("vera", "GET", "/v1/policies", "")
        .await
        .json()["live"]
        .clone();
    let ready = house.operates("", "GET", "/readyz?verbose", "").await;
    assert!(!ready.text.contains("refunds.rego"), "{}", ready.text);
    assert_eq!(
        house
            .operates("root", "POST", "/v1/policies/reload", "")
            .await
            .json()["result"],
        "unchanged"
    );
    std::fs::write(&file, "package approvals.refunds\n\napprove contains").unwrap();
    let refused = house
        .operates("root", "POST", "/v1/policies/reload", "")
        .await;
    refused.is(422, "policies_refused");
    assert_eq!(refused.json()["live"], live);
    let policies = house
        .operates("vera", "GET", "/v1/policies", "")
        .await
        .json();
    assert!(
        policies["live"] == live && policies["error"].as_str().unwrap().contains("refunds.rego"),
        "{policies}"
    );
    let ready = house.operates("", "GET", "/readyz?verbose", "").await;
    assert!(
        ready.status == StatusCode::OK && ready.text.contains("refunds.rego"),
        "{}",
        ready.text
    );
    std::fs::write(&file, POLICY.replace("100", "200")).unwrap();
    let swapped = house
        .operates("root", "POST", "/v1/policies/reload", "")
        .await
        .json();
    assert!(
        swapped["result"] == "swapped" && swapped["live"] != live && swapped["error"].is_null(),
        "{swapped}"
    );
}

#[tokio::test]
async fn it_is_ready_while_it_serves_and_can_write() {
    let house = House::open().await;
    let ready = house.operates("", "GET", "/readyz?verbose", "").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(
        ready.text.contains("[-]credential of source tm expires at"),
        "{}",
        ready.text
    );
    assert!(
        ready.text.ends_with("readyz check passed\n"),
        "{}",
        ready.text
    );
    house.readiness.drain();
    let draining = house.operates("", "GET", "/readyz", "").await;
    assert_eq!(
        (draining.status, draining.text.as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    );
    assert_eq!(
        house.operates("", "GET", "/livez", "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn it_is_not_ready_when_it_cannot_write() {
    let house = House::open().await;
    house.store.close().await;
    let ready = house.operates("", "GET", "/readyz?verbose", "").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text.contains("[-]store failed"), "{}", ready.text);
}

#[tokio::test]
async fn a_case_is_explained_by_the_set_that_decided_it_also_when_another_serves() {
    let house = House::open().await;
    let ask =
        json!({"id": "near", "action": "refund", "context": {"amount": 120, "customer": "eve"}});
    let asked = house.asks("b-token", &ask).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    for word in ["nearest", "counterfactual", "Small refund", "99"] {
        assert!(!asked.text.contains(word), "{}", asked.text);
    }
    let case = asked.json()["case_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/cases/{case}/explanation");
    let first = house.operates("vera", "GET", &path, "").await.json();
    assert_eq!(
        first["counterfactual"],
        json!({"set": [{"path": "/context/amount", "from": 120, "to": 99}], "outcome": "approve"})
    );
    assert_eq!(first["nearest"][0]["title"], "Small refund");
    assert_eq!(first["note"], serde_json::Value::Null);
    let titles: Vec<_> = first["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["title"])
        .collect();
    assert_eq!(titles, ["Small refund", "Fraud"]);
    let verdict = &house
        .operates("vera", "GET", &format!("/v1/cases/{case}"), "")
        .await
        .json()["verdict"];
    assert_eq!(
        (&verdict["nearest"], &verdict["counterfactual"]),
        (&first["nearest"], &first["counterfactual"])
    );

    let other = POLICY
        .replace("Small refund", "Tiny refund")
        .replace("< 100", "< 10");
    std::fs::write(house.policies().join("policies/refunds.rego"), other).unwrap();
    let reloaded = house
        .operates("root", "POST", "/v1/policies/reload", "")
        .await;
    assert_eq!(reloaded.status, StatusCode::OK, "{}", reloaded.text);
    for _ in 0..2 {
        assert_eq!(house.operates("vera", "GET", &path, "").await.json(), first);
    }
}

#[tokio::test]
async fn a_user_who_does_not_get_in_is_reported_and_counted() {
    let house = House::open().await;
    let path = house.folder.path().join("users.yaml");
    for (text, said, counted) in [
        (
            "users:\n- {name: policy, role: admin, added: 2026-11-22}\n",
            Some("[-]the users file does not let somebody in: line 2; see `countersign user list`"),
            "countersign_users_refused 1",
        ),
        (
            "users: {}\n",
            Some("[-]the users file cannot be used: no local user gets in; see the log"),
            "countersign_users_refused -1",
        ),
        ("users: []\n", None, "countersign_users_refused 0"),
    ] {
        std::fs::write(&path, text).unwrap();
        let ready = house.operates("", "GET", "/readyz?verbose", "").await;
        let found = ready.text.lines().find(|line| line.contains("users file"));
        assert_eq!(found, said);
        assert_eq!(ready.status, 200);
        let metrics = house.operates("", "GET", "/metrics", "").await.text;
        assert!(metrics.lines().any(|line| line == counted), "{metrics}");
    }
}
