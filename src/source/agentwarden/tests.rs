use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::domain::effect::Ballot;
use crate::domain::id::RequestId;
use crate::domain::platform::PlatformOutcome;
use crate::secret::Secret;
use crate::signature::Delivery;
use crate::source::auth::Auth;
use crate::source::testing::{Platform, client, nobody};
use crate::source::webhook::{Reconcile, Webhook};
use crate::source::{
    AnswerResult, AnswerTask, ConfirmTask, Confirmation, Elsewhere, Reading, Source as _,
};

const ID: &str = "a1b2c3d4-e5f6-7890-ab12-cd34ef567890";

fn source(api_url: &WebUrl) -> Webhook {
    let name = SourceName::parse("warden").unwrap();
    let defaults = Defaults::new().unwrap();
    let pending = defaults.pending.clone();
    let mut settings = defaults.settings(name, api_url.clone(), Verifier::new(vec![]));
    settings.reconcile = Some(Reconcile {
        lookup: pending,
        every: SignedDuration::from_mins(5),
    });
    Webhook::new(settings, client()).unwrap()
}

fn read(body: &Value) -> Reading {
    let source = source(&nobody());
    let delivery = Delivery {
        headers: HeaderMap::new(),
        body: Bytes::from(body.to_string()),
        path_secret: None,
    };
    let now = Timestamp::UNIX_EPOCH;
    source
        .read(&source.verify(delivery, now).unwrap(), now)
        .unwrap()
}

/// As the page "Webhooks" of AgentWarden's documentation shows it.
fn pending_approval() -> Value {
    json!({
        "event": "log.pending_approval",
        "timestamp": "2026-02-25T23:51:33.984319",
        "data": {
            "id": ID,
            "agent_id": "agent_abc123def456ghi789",
            "action": "stripe.refund",
            "status": "pending_approval",
            "context": {"amount": 500, "customer_id": "cus_123", "reason": "Awaiting human review"},
            "created_at": "2026-02-25T23:51:33.974127+00:00",
        },
    })
}

/// As the page "Webhooks" of AgentWarden's documentation shows it.
fn approved() -> Value {
    json!({
        "event": "approval.approved",
        "timestamp": "2026-02-25T23:51:57.042729",
        "data": {
            "approval_id": ID,
            "agent_id": "agent_abc123def456ghi789",
            "action": "stripe.refund",
            "status": "approved",
            "context": {"amount": 500, "customer_id": "cus_123"},
            "resolved_by": "user_xyz789abc456def123",
            "resolved_at": "2026-02-25T23:51:57.036178+00:00",
        },
    })
}

#[test]
fn a_pending_approval_is_a_request() {
    let Reading::Request(request) = read(&pending_approval()) else {
        panic!("no request");
    };
    assert_eq!(request.platform, "agentwarden");
    assert_eq!(request.id.as_str(), ID);
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.agent.as_deref(), Some("agent_abc123def456ghi789"));
    assert_eq!(
        request.context,
        Some(json!({"amount": 500, "customer_id": "cus_123", "reason": "Awaiting human review"}))
    );
    assert_eq!(
        request.requested_at,
        Some("2026-02-25T23:51:33.974127Z".parse().unwrap())
    );
    assert_eq!(request.expires_at, None);
    assert_eq!((&request.title, &request.message), (&None, &None));
    assert!(!request.proven.signature && !request.proven.record);
    assert!(source(&nobody()).confirms_within().is_some());
}

#[test]
fn an_approval_and_a_rejection_tell_an_end() {
    let Reading::Resolved(end) = read(&approved()) else {
        panic!("no end");
    };
    assert_eq!(
        end,
        Elsewhere {
            request: RequestId::parse(ID).unwrap(),
            event: "approval.approved".to_owned(),
            delivery: None,
            content: end.content,
            outcome: Some(PlatformOutcome::Approved),
            by: Some("user_xyz789abc456def123".to_owned()),
            reason: None,
        }
    );
    let rejected = json!({"event": "approval.rejected", "data": {"id": ID}});
    let Reading::Resolved(end) = read(&rejected) else {
        panic!("no end");
    };
    assert_eq!(end.request.as_str(), ID);
    assert_eq!(end.outcome, Some(PlatformOutcome::Rejected));
}

#[test]
fn other_events_are_nothing_for_us() {
    for event in ["log.blocked", "log.failed", "test"] {
        assert!(matches!(
            read(&json!({"event": event, "data": {}})),
            Reading::Nothing(_)
        ));
    }
}

/// As the page "get-logs" of AgentWarden's API reference lists its members.
fn record(status: &str) -> Value {
    json!({
        "id": ID, "agent_id": "agent_abc123def456ghi789", "organization_id": "org_1", "action": "stripe.refund",
        "status": status, "context": {"amount": 500}, "ip_address": "192.0.2.1",
        "created_at": "2026-02-25T23:51:33.974127+00:00",
    })
}

fn asking() -> ConfirmTask {
    ConfirmTask {
        request: RequestId::parse(ID).unwrap(),
        action: Some("stripe.refund".to_owned()),
        agent: Some("agent_abc123def456ghi789".to_owned()),
        token: None,
        traceparent: None,
    }
}

#[tokio::test]
async fn the_pending_log_of_an_agent_is_read_back() {
    for status in ["pending", "pending_approval"] {
        let platform = Platform::answering(200, &[], &json!([record(status)]).to_string()).await;
        let confirmation = source(&platform.url).confirm(&asking()).await;
        let Confirmation::Record(request) = confirmation else {
            panic!("{confirmation:?}");
        };
        assert_eq!(request.context, Some(json!({"amount": 500})));
        assert_eq!(request.payload, record(status));
        assert!(request.proven.record);
        assert_eq!(
            platform.received()[0].path,
            "/api/logs?status=pending&agent_id=agent_abc123def456ghi789&limit=100&offset=0"
        );
    }
    let platform = Platform::answering(200, &[], &json!([record("denied")]).to_string()).await;
    assert!(matches!(
        source(&platform.url).confirm(&asking()).await,
        Confirmation::NotPending { .. }
    ));
}

#[tokio::test]
async fn all_pending_logs_are_listed() {
    let platform = Platform::answering(200, &[], &json!([record("pending")]).to_string()).await;
    let listed = source(&platform.url).pending().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        platform.received()[0].path,
        "/api/logs?status=pending&limit=100&offset=0"
    );
}

#[tokio::test]
async fn an_approval_is_answered_under_its_id() {
    for (ballot, verb) in [(Ballot::Approve, "approve"), (Ballot::Reject, "reject")] {
        let platform = Platform::answering(200, &[], "{}").await;
        let task = AnswerTask {
            request: RequestId::parse(ID).unwrap(),
            action: None,
            agent: None,
            payload: None,
            token: None,
            ballot,
            rationale: "under $1000".to_owned(),
            traceparent: None,
            case_id: "case_1".to_owned(),
        };
        let result = source(&platform.url).answer(&task).await;
        assert_eq!(result, AnswerResult::Done { platform: None });
        let received = &platform.received()[0];
        assert_eq!(received.method, Method::POST);
        assert_eq!(received.path, format!("/api/approvals/{ID}/{verb}"));
        assert_eq!(received.body, r#"{"reason":"under $1000"}"#);
    }
}

#[tokio::test]
async fn every_call_can_be_logged_in_for() {
    let platform = Platform::answering(200, &[], r#"{"access_token": "jwt_1", "id": 1}"#).await;
    let password = Credential::written(Secret::new("hunter2")).unwrap();
    let name = SourceName::parse("warden").unwrap();
    let mut settings =
        Defaults::new()
            .unwrap()
            .settings(name, platform.url.clone(), Verifier::new(vec![]));
    let login = login(&platform.url, "approver@example.com", password).unwrap();
    if let Some(confirm) = &mut settings.confirm {
        confirm.lookup.call.auth = Some(Auth::Login(login));
    }
    let source = Webhook::new(settings, client()).unwrap();
    source.confirm(&asking()).await;
    let received = platform.received();
    assert_eq!(received[0].path, "/auth/login");
    assert_eq!(
        received[0].body,
        r#"{"email":"approver@example.com","password":"hunter2"}"#
    );
    assert_eq!(received[1].headers["authorization"], "Bearer jwt_1");
}

#[test]
fn the_api_is_where_the_documentation_says() {
    assert_eq!(WebUrl::parse(API_URL).unwrap().host(), "api.agentwarden.io");
}
