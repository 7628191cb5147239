//! What others build against, to the letter: the shapes of the HTTP API, pinned. A name may be added; none may change.

use serde_json::{Value, json};

use crate::harness::{ADMIN, AGENT, Countersign, config, requested};
use crate::tracemem::TraceMem;

/// The value as it is pinned: what differs from run to run is replaced by what it is.
fn pinned(value: &Value) -> String {
    let mut value = value.clone();
    replace(&mut value, "");
    serde_json::to_string_pretty(&value).unwrap()
}

fn replace(value: &mut Value, key: &str) {
    match value {
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(key, value)| replace(value, key)),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, key)),
        Value::String(text) => {
            let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if text.strip_prefix("case_").is_some_and(hexadecimal) {
                "CASE".clone_into(text);
            } else if text.len() == 64 && hexadecimal(text) {
                "DIGEST".clone_into(text);
            } else if key == "request_id" && text.starts_with("req_") {
                "REQUEST".clone_into(text);
            } else if text.parse::<jiff::Timestamp>().is_ok() {
                "TIME".clone_into(text);
            } else if let Some((before, revision)) = text.split_once("policy ")
                && let Some((revision, after)) = revision.split_at_checked(12)
                && hexadecimal(revision)
            {
                *text = format!("{before}policy REVISION{after}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The names in an object, in their order.
fn names(value: &Value) -> Vec<&str> {
    let members = value.as_object().unwrap();
    members.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn an_agent_gets_a_verdict_and_nothing_that_teaches_it() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let body = json!({"action": "pay", "context": {"amount": 50}});
    let (status, verdict) = server.ask(AGENT, "key-1", &body).await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(pinned(&verdict), @r#"
    {
      "case_id": "CASE",
      "source": "agents",
      "request_id": "key-1",
      "action": "pay",
      "agent": "billing-bot",
      "outcome": "approve",
      "cause": "rule",
      "state": "resolved",
      "resolution": {
        "outcome": "approved",
        "by": "policy",
        "at": "TIME",
        "reason": null,
        "answer": "none"
      },
      "platform_outcome": null,
      "rationale": "Approved by policy REVISION: Small payment: 50 is under 100.",
      "evidence": [],
      "rules": [
        {
          "id": "approvals.pay.approve#small-payment",
          "title": "Small payment",
          "reason": "50 is under 100",
          "file": "approvals/pay/pay.rego",
          "line": 5
        }
      ],
      "revision": "DIGEST",
      "mode": "enforce",
      "decided_at": "TIME",
      "decided_by": "policy"
    }
    "#);
    let (status, problem) = server.ask(AGENT, "key-1", &json!({"action": "pay"})).await;
    assert_eq!(status, 422);
    insta::assert_snapshot!(pinned(&problem), @r#"
    {
      "type": "urn:countersign:problem:idempotency_mismatch",
      "title": "The idempotency key was used with other content",
      "status": 422,
      "detail": "`key-1` was received before with other content",
      "code": "idempotency_mismatch",
      "request_id": "REQUEST",
      "case_id": "CASE"
    }
    "#);
    server.stop().await;
}

#[tokio::test]
async fn a_request_is_named_by_its_own_id_whatever_key_an_attempt_is_sent_with() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let body =
        |amount: u32| json!({"id": "refund-1", "action": "pay", "context": {"amount": amount}});
    let (status, first) = server.ask(AGENT, "attempt-1", &body(50)).await;
    assert_eq!((status, &first["request_id"]), (200, &json!("refund-1")));
    let (status, again) = server.ask(AGENT, "attempt-2", &body(50)).await;
    assert_eq!((status, &again), (200, &first));
    let (status, other) = server.ask(AGENT, "attempt-3", &body(60)).await;
    assert_eq!(
        (status, &other["code"]),
        (422, &json!("idempotency_mismatch"))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_platform_gets_an_acknowledgement_and_operators_the_whole_case() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let event = requested(1, json!(5000));
    let (_, acknowledged) = server.deliver(&event).await;
    assert_eq!(names(&acknowledged), ["status", "case_id"]);
    let case = acknowledged["case_id"].as_str().unwrap();
    let file = server.case(case).await;
    assert_eq!(names(&file), ["verdict", "request", "digest", "timeline"]);
    insta::assert_snapshot!(pinned(&file["verdict"]), @r#"
    {
      "case_id": "CASE",
      "source": "tm",
      "platform": "tracemem",
      "request_id": "appr_1",
      "action": "pay",
      "agent": "billing-bot",
      "outcome": "escalate",
      "cause": "rule",
      "state": "open",
      "resolution": null,
      "platform_outcome": null,
      "rationale": "Left to a person by policy REVISION: Large payment: it is large.",
      "evidence": [],
      "rules": [
        {
          "id": "approvals.pay.escalate#large-payment",
          "set": "escalate",
          "title": "Large payment",
          "reason": "it is large",
          "file": "approvals/pay/pay.rego",
          "line": 21
        }
      ],
      "failures": [],
      "escalation": {
        "to": "payments",
        "votes": 2,
        "since": "TIME",
        "deadline": "TIME"
      },
      "votes": [],
      "revision": "DIGEST",
      "mode": "enforce",
      "decided_at": "TIME",
      "decided_by": "policy",
      "expires_at": null,
      "rationale_required": true
    }
    "#);
    insta::assert_snapshot!(pinned(&file["request"]), @r#"
    {
      "action": "pay",
      "agent": {
        "id": "billing-bot"
      },
      "context": {
        "amount": 5000
      },
      "id": "appr_1",
      "message": "please",
      "now": "TIME",
      "payload": {
        "agent_id": "billing-bot",
        "approval_id": "appr_1",
        "context": {
          "amount": 5000
        },
        "decision_id": "TMEM_1",
        "event": "approval.requested",
        "intent": "pay",
        "message": "please",
        "require_rationale": true,
        "title": "A payment"
      },
      "platform": "tracemem",
      "rationale_required": true,
      "source": "tm",
      "title": "A payment",
      "verified": {
        "record": false,
        "signature": true
      },
      "version": 1
    }
    "#);
    let (status, explanation) = server.get(&format!("/v1/cases/{case}/explanation")).await;
    assert_eq!(status, 200);
    assert_eq!(explanation["verdict"], file["verdict"]);
    assert_eq!(
        explanation["counterfactual"],
        json!({"set": [{"path": "/context/amount", "from": 5000, "to": 99}], "outcome": "approve"})
    );
    let titles = explanation["rules"].as_array().unwrap().iter();
    let titles: Vec<&Value> = titles.map(|rule| &rule["title"]).collect();
    assert_eq!(titles, ["Small payment", "Huge payment", "Large payment"]);
    insta::assert_snapshot!(pinned(&explanation["rules"][2]), @r#"
    {
      "id": "approvals.pay.escalate#large-payment",
      "set": "escalate",
      "title": "Large payment",
      "truth": "true",
      "reason": "it is large",
      "reasons": [
        "it is large"
      ],
      "file": "approvals/pay/pay.rego",
      "line": 21,
      "conditions": [
        {
          "text": "input.action == \"pay\"",
          "truth": "true",
          "values": {
            "input.action": "\"pay\""
          },
          "file": "approvals/pay/pay.rego",
          "line": 22
        },
        {
          "text": "input.context.amount >= 1000",
          "truth": "true",
          "values": {
            "input.context.amount": "5000"
          },
          "file": "approvals/pay/pay.rego",
          "line": 23
        },
        {
          "text": "input.context.amount < 10000",
          "truth": "true",
          "values": {
            "input.context.amount": "5000"
          },
          "file": "approvals/pay/pay.rego",
          "line": 24
        }
      ]
    }
    "#);
    server.vote(ADMIN, case, "approve", "checked").await;
    let votes = &server.case(case).await["verdict"]["votes"];
    insta::assert_snapshot!(pinned(votes), @r#"
    [
      {
        "by": "alice",
        "vote": "approve",
        "reason": "checked",
        "at": "TIME",
        "via": "api",
        "team": "payments"
      }
    ]
    "#);
    server.stop().await;
}

#[tokio::test]
async fn a_filter_without_a_value_filters_nothing() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let case = server.accepted(&requested(1, json!(50))).await;
    let (status, page) = server
        .get("/v1/cases?state=&source=&outcome=&q=&limit=&cursor=")
        .await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(names(&page), ["cases", "next"]);
    assert_eq!(page["cases"][0]["case_id"], json!(case));
    assert_eq!(page["next"], Value::Null);
    let (status, problem) = server.get("/v1/cases?stat=").await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    server.stop().await;
}

#[tokio::test]
async fn policies_freeze_and_outbox_have_their_names() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let (_, policies) = server.get("/v1/policies").await;
    insta::assert_snapshot!(pinned(&policies), @r#"
    {
      "live": "DIGEST",
      "disk": "DIGEST",
      "live_since": "TIME",
      "last_reload": "TIME",
      "error": null,
      "warnings": []
    }
    "#);
    let reason = json!({"reason": "incident"});
    let (_, frozen) = server.call("PUT", "/v1/freeze", ADMIN, Some(&reason)).await;
    insta::assert_snapshot!(pinned(&frozen), @r#"
    {
      "freeze": {
        "by": "alice",
        "reason": "incident",
        "since": "TIME"
      }
    }
    "#);
    let (_, outbox) = server.get("/v1/outbox").await;
    assert_eq!(outbox, json!({"effects": []}));
    server.stop().await;
}
