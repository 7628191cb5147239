//! Whoever knows our address can send anything: nothing of it is ever answered on its own word.

use countersign::clock::Clock;
use countersign::config::Config;
use countersign::diagnostic::Paint;
use serde_json::{Value, json};

use super::platform::deliver;
use super::{AgentWarden, Endpoint, HOOK_SECRET, Office, PASSWORD, config, id, pending, say};
use crate::harness::{APPROVER, VIEWER, client, eventually, write};
use crate::process::Process;

/// `event` with this in its data.
fn claiming(mut event: Value, field: &str, claim: Value) -> Value {
    event["data"][field] = claim;
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_with_a_real_id_and_a_harmless_context_is_never_approved() {
    let office = Office::open().await;
    let record = office.asked(1, 5_000);
    let harmless = json!({"amount": 5, "customer_id": "cus_123"});
    let forged = claiming(pending(&record), "context", harmless);
    let case = office.accepted(&forged).await;
    let rationale = office.left_to_people(&case).await;
    assert!(rationale.contains("context"), "{rationale}");
    // What people are shown is the platform's record, not the forgery.
    let file = office.server.case(&case).await;
    assert_eq!(file["request"]["context"]["amount"], 5_000, "{file}");
    assert_eq!(office.platform.answers(), [""; 0]);
    assert_eq!(office.platform.status_of(&id(1)), "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_does_not_reject_a_real_request_either() {
    let office = Office::open().await;
    let record = office.asked(1, 50);
    let forged = claiming(pending(&record), "context", json!({"amount": 20_000}));
    let case = office.accepted(&forged).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_claimed_otherwise_than_the_record_has_it_is_left_to_people() {
    let office = Office::open_with(&["confirm: {within: 1s}"]).await;
    let mut cases = Vec::new();
    for (number, field, claim) in [
        (1, "agent_id", json!("somebody-else")),
        (2, "action", json!("email.send")),
        (3, "context", json!({})),
        (
            4,
            "context",
            json!({"amount": "50", "customer_id": "cus_123"}),
        ),
        (
            5,
            "context",
            json!({"amount": 50, "customer_id": "cus_123", "more": 1}),
        ),
        (6, "context", json!([])),
    ] {
        let record = office.asked(number, 50);
        let event = claiming(pending(&record), field, claim);
        cases.push(office.accepted(&event).await);
    }
    for case in &cases {
        office.left_to_people(case).await;
    }
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_webhook_after_a_forged_one_changes_nothing_and_is_not_lost() {
    let office = Office::open().await;
    let record = office.asked(1, 50);
    let forged = claiming(pending(&record), "context", json!({"amount": 60}));
    let case = office.accepted(&forged).await;
    office.left_to_people(&case).await;
    let (status, told) = office.platform.deliver(&pending(&record)).await;
    assert_eq!((status, &told["status"]), (200, &json!("duplicate")));
    let other = claiming(pending(&record), "context", json!({"amount": 70}));
    let (status, problem) = office.platform.deliver(&other).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    // The question stands, on what the platform has.
    let file = office.server.case(&case).await;
    assert_eq!(file["verdict"]["state"], "open");
    assert_eq!(file["request"]["context"]["amount"], 50);
    office
        .server
        .vote(APPROVER, &case, "approve", "asked the customer")
        .await;
    assert_eq!(
        office.settled(&case).await["resolution"]["by"],
        "person:bob"
    );
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_the_platform_does_not_have_is_answered_by_nobody() {
    let office = Office::open_with(&["confirm: {within: 1s}"]).await;
    let record = super::record(1, &json!(50));
    let case = office.accepted(&pending(&record)).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_would_lead_elsewhere_leads_nowhere() {
    let office = Office::open_with(&["confirm: {within: 1s}"]).await;
    let ids = [
        "../../auth/me",
        "..",
        ".",
        "x/approve?",
        "x#y",
        "%2e%2e",
        "a b\\c",
        "x&status=success&limit=1",
    ];
    let mut cases = Vec::new();
    for (number, hostile) in (0..).zip(ids) {
        let record = super::record(number, &json!(50));
        let event = claiming(pending(&record), "id", json!(hostile));
        cases.push(office.accepted(&event).await);
    }
    for case in &cases {
        office.left_to_people(case).await;
        let (status, voted) = office
            .server
            .vote(APPROVER, case, "approve", "looks fine")
            .await;
        assert_eq!(status, 200, "{voted}");
    }
    eventually("every answer has ended", async || {
        let outbox = office.server.outbox().await;
        let ended = |effect: &Value| effect["state"] == "dead";
        (!outbox.is_empty() && outbox.iter().all(ended)).then_some(())
    })
    .await;
    for call in office.platform.all_calls() {
        let path = call.path_and_query.split('?').next().unwrap();
        let known = match call.endpoint {
            Endpoint::Login => path == "/auth/login",
            Endpoint::Logs => path == "/api/logs",
            Endpoint::Approve => path.matches('/').count() == 4 && !path.contains(".."),
            Endpoint::Reject | Endpoint::Unknown => false,
        };
        assert!(known, "{}", call.path_and_query);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_path_proves_the_sender_and_nothing_else_does() {
    let office = Office::open().await;
    let event = pending(&office.asked(1, 50));
    let body = event.to_string();
    for path in [
        "/v1/sources/warden".to_owned(),
        "/v1/sources/warden/".to_owned(),
        "/v1/sources/warden/wrong".to_owned(),
        format!("/v1/sources/warden/{}", &HOOK_SECRET[1..]),
        format!("/v1/sources/warden/{HOOK_SECRET}0"),
        format!("/v1/sources/warden/{}", HOOK_SECRET.to_uppercase()),
    ] {
        let (status, problem) = deliver(&office.server.intake(&path), body.clone()).await;
        assert_eq!(
            (status, &problem["code"]),
            (401, &json!("unverified")),
            "{path}"
        );
    }
    // The right path under another name.
    for agent in ["curl/8", "AgentWarden-Webhook/1.1", ""] {
        let sent = client()
            .post(office.hook())
            .header("user-agent", agent)
            .body(body.clone());
        assert_eq!(sent.send().await.unwrap().status(), 401, "{agent}");
    }
    assert_eq!(office.cases().await, [Value::Null; 0]);
    let case = office.accepted(&event).await;
    office.settled(&case).await;
}

#[test]
fn a_user_agent_alone_never_enforces() {
    let text = config("enforce", "https://api.agentwarden.io")
        .replace(&format!("      - secret_path: {HOOK_SECRET}\n"), "");
    let parsed = Config::parse(&text, "countersign.yaml", &|_| None, Clock.now());
    let mistakes = parsed.err().unwrap();
    let shown: String = mistakes
        .iter()
        .map(|mistake| mistake.render(Paint::Plain))
        .collect();
    assert!(
        shown.contains("warden") && shown.contains("enforce"),
        "{shown}"
    );
    let watching = text.replace("mode: enforce", "mode: dry_run");
    assert!(Config::parse(&watching, "countersign.yaml", &|_| None, Clock.now()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_path_nor_the_password_nor_the_token_is_in_the_log() {
    let platform = AgentWarden::start().await;
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "log: {{level: debug}}\n{}",
        config("enforce", &platform.url())
    );
    write(&folder.path().join("countersign.yaml"), &text);
    write(
        &folder.path().join("policies/approvals/pay/pay.rego"),
        super::office::POLICY,
    );
    let process = Process::start(folder.path()).await;
    let hook = |end: &str| format!("{}/v1/sources/warden/{end}", process.intake);
    platform.state().webhook = Some(hook(HOOK_SECRET));
    let record = super::record(1, &json!(50));
    platform.state().records.push(record.clone());
    let body = pending(&record).to_string();
    let wrong = "a-wrong-end-of-the-path";
    assert_eq!(deliver(&hook(wrong), body.clone()).await.0, 401);
    platform.script(Endpoint::Logs, [super::say(401)]);
    platform.script(Endpoint::Approve, [super::say(500)]);
    assert_eq!(deliver(&hook(HOOK_SECRET), body).await.0, 200);
    platform.wait_for(Endpoint::Approve, 2).await;
    eventually("the answer is settled", async || {
        let asked = client()
            .get(format!("{}/v1/cases", process.operators))
            .bearer_auth(VIEWER);
        let (_, page) = crate::harness::answer(asked.send().await.unwrap()).await;
        (page["cases"][0]["resolution"]["answer"] == "settled").then_some(())
    })
    .await;
    let tokens: Vec<String> = platform.state().tokens.keys().cloned().collect();
    assert_eq!(tokens.len(), 2, "it logged in again");
    let mut log = process.log();
    process.signal("TERM");
    log.extend(process.log());
    let log = Value::from(log).to_string();
    assert!(log.contains("warden"), "{log}");
    for secret in [HOOK_SECRET, wrong, PASSWORD]
        .into_iter()
        .chain(tokens.iter().map(String::as_str))
    {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_of_a_forged_claim_is_told_to_nobody() {
    for vote in ["approve", "reject"] {
        let office = Office::open_with(&["confirm: {within: 2s}"]).await;
        let real = office.asked(1, 50_000);
        office.platform.always(Endpoint::Logs, say(503));
        let mut claim = real.clone();
        claim["context"]["amount"] = json!(5);
        let (_, told) = office.forge(&pending(&claim)).await;
        let case = told["case_id"].as_str().unwrap();
        office.left_to_people(case).await;
        office.platform.recover();

        let (status, told) = office
            .server
            .vote(APPROVER, case, vote, "it is small")
            .await;
        assert_eq!(status, 200, "{told}");
        let verdict = office.verdict(case, "open").await;
        let rationale = verdict["rationale"].as_str().unwrap();
        assert!(
            rationale.contains("differs in `context`; decide it there"),
            "{rationale}"
        );
        assert_eq!(office.platform.answers(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_of_a_claim_that_was_true_is_told_once_the_record_can_be_read() {
    let office = Office::open_with(&["confirm: {within: 2s}"]).await;
    office.platform.always(Endpoint::Logs, say(503));
    let case = office.asks(1, 5_000).await;
    office.left_to_people(&case).await;
    let (status, told) = office
        .server
        .vote(APPROVER, &case, "approve", "looked")
        .await;
    assert_eq!(status, 200, "{told}");
    office.platform.recover();
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["by"], "person:bob");
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}
