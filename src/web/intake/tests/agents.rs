use http::StatusCode;
use serde_json::{Value, json};

use super::refund;
use crate::web::tests::house::House;

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
    verdict["rationale"] = verdict["rationale"]
        .as_str()
        .unwrap()
        .replace(&revision, "…")
        .into();
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
    assert_eq!(
        house.asks("b-token", &refund("r-1", 50)).await.json(),
        approved.json()
    );
    house
        .asks("b-token", &refund("r-1", 51))
        .await
        .is(422, "idempotency_mismatch");
    let looked = house
        .looks(
            "b-token",
            &format!(
                "/v1/requests/{}",
                approved.json()["case_id"].as_str().unwrap()
            ),
        )
        .await;
    assert_eq!(looked.json(), approved.json());
    let rejected =
        json!({"id": "r-2", "action": "refund", "context": {"amount": 1, "customer": "mallory"}});
    let rejected = house.asks("b-token", &rejected).await.json();
    assert_eq!(
        (&rejected["outcome"], &rejected["resolution"]["outcome"]),
        (&"reject".into(), &"rejected".into())
    );
    // What it overruled is not the agent's business.
    assert_eq!(rejected["rules"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_agent_whose_case_is_open_sees_neither_whom_it_went_to_nor_what_was_missing() {
    let house = House::open().await;
    for (body, cause) in [
        (json!({"id": "p", "action": "payout"}), "rule"),
        (
            json!({"id": "e", "action": "refund", "context": {"amount": 50}}),
            "evidence",
        ),
        (
            json!({"id": "n", "action": "refund", "context": {"amount": 500, "customer": "x"}}),
            "no_rule",
        ),
    ] {
        let asked = house.asks("b-token", &body).await;
        assert_eq!(
            (asked.status, &asked.json()["cause"]),
            (StatusCode::ACCEPTED, &cause.into()),
            "{}",
            asked.text
        );
        let case = asked.json()["case_id"].as_str().unwrap().to_owned();
        assert_eq!(asked.headers["location"], format!("/v1/requests/{case}"));
        assert_eq!(asked.json()["state"], "open");
        for hidden in [
            "payments",
            "votes\"",
            "amount",
            "customer",
            "deadline",
            "escalation",
            "failures",
        ] {
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
        let path = format!(
            "/v1/requests/{}?wait=60s",
            asked.json()["case_id"].as_str().unwrap()
        );
        assert_eq!(house.looks("d-token", &path).await.json(), asked.json());
        let mut answer = asked.json();
        assert_eq!(
            (&answer["outcome"], &answer["mode"], &answer["state"]),
            (&Value::Null, &"dry_run".into(), &"resolved".into())
        );
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
    let (waited, voted) = tokio::join!(
        house.looks("b-token", &path),
        house.operates("alice", "POST", &ballots, &vote)
    );
    assert_eq!(voted.status, StatusCode::OK, "{}", voted.text);
    assert_eq!(waited.status, StatusCode::OK);
    let verdict = waited.json();
    assert_eq!(
        (&verdict["outcome"], &verdict["state"]),
        (&"escalate".into(), &"resolved".into())
    );
    assert_eq!(
        (
            &verdict["resolution"]["outcome"],
            &verdict["resolution"]["by"]
        ),
        (&"approved".into(), &"person:alice".into())
    );
}

#[tokio::test]
async fn an_agent_that_waits_hears_at_once_when_the_house_stops() {
    let house = House::open().await;
    let (case, _) = house.open_case("w").await;
    house.stop.cancel();
    let waited = house
        .looks("b-token", &format!("/v1/requests/{case}?wait=60s"))
        .await;
    assert_eq!(
        (waited.status, &waited.json()["state"]),
        (StatusCode::ACCEPTED, &"open".into())
    );
}

#[tokio::test]
async fn an_agent_sees_its_own_cases_alone() {
    let house = House::open().await;
    let (case, _) = house.open_case("mine").await;
    let path = format!("/v1/requests/{case}");
    assert_eq!(
        house.looks("b-token", &path).await.status,
        StatusCode::ACCEPTED
    );
    for token in ["o-token", "d-token"] {
        house.looks(token, &path).await.is(404, "not_found");
    }
    house
        .looks("b-token", "/v1/requests/case_1")
        .await
        .is(404, "not_found");
    let refused = house.looks("nobody", &path).await;
    refused.is(401, "unverified");
    assert!(
        refused.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    house
        .asks("alice", &refund("r", 1))
        .await
        .is(401, "unverified");
    house
        .looks("b-token", &format!("{path}?wait=forever"))
        .await
        .is(400, "malformed");
    house
        .looks("b-token", &format!("{path}?wiat=1s"))
        .await
        .is(400, "malformed");
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
