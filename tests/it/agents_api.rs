//! Agents at our own API: who they are is what their token says, and they see their own cases and no more.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{ADMIN, AGENT, Countersign, OTHER_AGENT, VIEWER, answer, config};
use crate::tracemem::TraceMem;

fn pay(amount: u32) -> Value {
    json!({"action": "pay", "context": {"amount": amount}})
}

async fn start(mode: &str) -> Countersign {
    let platform = TraceMem::start().await;
    Countersign::start(&config(mode, &platform)).await
}

/// `POST /v1/requests` with these headers.
async fn post(server: &Countersign, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let mut request = server.client.post(server.intake("/v1/requests"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.body(body.to_string()).send().await.unwrap()).await
}

/// `GET /v1/requests/{id}` as the holder of `token`.
async fn look(server: &Countersign, token: &str, id: &str, query: &str) -> (u16, Value) {
    let request = server
        .client
        .get(server.intake(&format!("/v1/requests/{id}{query}")))
        .bearer_auth(token);
    answer(request.send().await.unwrap()).await
}

fn id(verdict: &Value) -> String {
    verdict["case_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_policy_decides_is_in_the_response() {
    let server = start("enforce").await;
    let (status, approved) = server.ask(AGENT, "a", &pay(50)).await;
    assert_eq!(status, 200, "{approved}");
    assert_eq!(
        (&approved["outcome"], &approved["state"]),
        (&json!("approve"), &json!("resolved"))
    );
    assert_eq!(approved["resolution"]["outcome"], "approved");
    assert_eq!(approved["agent"], "billing-bot");
    assert_eq!(approved["request_id"], "a");
    let (status, rejected) = server.ask(AGENT, "b", &pay(20_000)).await;
    assert_eq!((status, &rejected["outcome"]), (200, &json!("reject")));
    let (status, asked) = server.ask(AGENT, "c", &pay(5_000)).await;
    assert_eq!((status, &asked["outcome"]), (202, &json!("escalate")));
    assert_eq!(
        (&asked["state"], &asked["resolution"]),
        (&json!("open"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_who_holds_the_token_whatever_the_body_says() {
    let server = start("enforce").await;
    for key in ["agent", "agent_id", "source", "mode", "outcome"] {
        let mut body = pay(50);
        body[key] = json!("release-bot");
        let (status, problem) = server.ask(AGENT, "a", &body).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("malformed")),
            "{key}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(key),
            "{problem}"
        );
    }
    let (status, problem) = server
        .ask("not-a-token-of-anybody-0123456789", "a", &pay(50))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (401, Some("unverified"))
    );
    // The token of a person is not one of an agent.
    assert_eq!(server.ask(ADMIN, "a", &pay(50)).await.0, 401);
    let (_, page) = server.get("/v1/cases").await;
    assert_eq!(page["cases"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_wakes_the_agent_that_waits() {
    let server = start("enforce").await;
    let (_, asked) = server.ask(AGENT, "a", &pay(5_000)).await;
    let case = id(&asked);
    let waiting = look(&server, AGENT, &case, "?wait=60s");
    let voting = async {
        assert_eq!(server.vote(ADMIN, &case, "approve", "fine").await.0, 200);
        let bob = crate::harness::APPROVER;
        assert_eq!(server.vote(bob, &case, "approve", "me too").await.0, 200);
    };
    // The client gives up after half a minute: the answer is the vote's doing.
    let ((status, verdict), ()) = tokio::join!(waiting, voting);
    assert_eq!(status, 200, "{verdict}");
    assert_eq!(verdict["state"], "resolved");
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["by"], "person:bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_waited_in_vain_is_told_that_it_is_still_open() {
    let server = start("enforce").await;
    let (_, asked) = server.ask(AGENT, "a", &pay(5_000)).await;
    let started = std::time::Instant::now();
    let (status, verdict) = look(&server, AGENT, &id(&asked), "?wait=300ms").await;
    assert_eq!((status, &verdict["state"]), (202, &json!("open")));
    assert!(started.elapsed() >= Duration::from_millis(300));
    for wrong in ["?wait=soon", "?wait=-1s", "?patience=1s"] {
        assert_eq!(
            look(&server, AGENT, &id(&asked), wrong).await.0,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_waits_is_told_where_it_stands_when_the_server_stops() {
    let server = start("enforce").await;
    let (_, asked) = server.ask(AGENT, "a", &pay(5_000)).await;
    let url = server.intake(&format!("/v1/requests/{}?wait=60s", id(&asked)));
    // On a connection of its own, which shows in the metrics.
    let waiting = crate::harness::client().get(url).bearer_auth(AGENT).send();
    let waiting = crate::harness::spawn(waiting);
    crate::harness::eventually("the agent waits", async || {
        let open = server.metric("countersign_connections_open").await;
        // One to ask with, one to wait on, one to look at metrics with.
        (open.ends_with(" 3")).then_some(())
    })
    .await;
    server.ask(AGENT, "b", &pay(5_000)).await;
    server.stop().await;
    let (status, verdict) = answer(waiting.await.unwrap().unwrap()).await;
    assert_eq!((status, &verdict["state"]), (202, &json!("open")));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_agents_case_is_not_there() {
    let server = start("enforce").await;
    let (_, asked) = server.ask(AGENT, "a", &pay(5_000)).await;
    let (status, problem) = look(&server, OTHER_AGENT, &id(&asked), "").await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("not_found")));
    let (_, nothing) = look(
        &server,
        OTHER_AGENT,
        &format!("case_{}", "0".repeat(32)),
        "",
    )
    .await;
    assert_eq!(
        problem["detail"], nothing["detail"],
        "it cannot be told from one that never was"
    );
    let of_platform = server
        .accepted(&crate::harness::requested(1, json!(50)))
        .await;
    assert_eq!(look(&server, AGENT, &of_platform, "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_content_is_the_same_answer() {
    let server = start("enforce").await;
    let (_, first) = server.ask(AGENT, "key-1", &pay(50)).await;
    let (status, again) = server.ask(AGENT, "key-1", &pay(50)).await;
    assert_eq!((status, &again), (200, &first));
    // The same facts in another order and with other spaces are the same request.
    let same = r#"{ "context": {"amount": 50}, "action": "pay" }"#;
    let request = server
        .client
        .post(server.intake("/v1/requests"))
        .bearer_auth(AGENT)
        .header("Idempotency-Key", "key-1")
        .body(same);
    assert_eq!(
        answer(request.send().await.unwrap()).await,
        (200, first.clone())
    );

    let (status, problem) = server.ask(AGENT, "key-1", &pay(51)).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (422, Some("idempotency_mismatch"))
    );
    let (_, page) = server.get("/v1/cases").await;
    assert_eq!(page["cases"].as_array().unwrap().len(), 1);
    let (_, file) = server.get(&format!("/v1/cases/{}", id(&first))).await;
    let kinds: Vec<_> = file["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["kind"])
        .collect();
    assert_eq!(kinds, ["decided", "conflict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_is_one_case() {
    let server = start("enforce").await;
    let body = pay(50);
    let asks = (0..50).map(|_| server.ask(AGENT, "key-1", &body));
    let told = futures_util::future::join_all(asks).await;
    assert!(
        told.iter()
            .all(|(status, verdict)| *status == 200 && *verdict == told[0].1)
    );
    let (_, page) = server.get("/v1/cases").await;
    assert_eq!(page["cases"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_named_by_its_header_or_its_body() {
    let server = start("enforce").await;
    let bearer = format!("Bearer {AGENT}");
    let token = ("authorization", bearer.as_str());
    let (status, problem) = post(&server, &[token], &pay(50)).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("malformed")));
    let mut named = pay(50);
    named["id"] = json!("order-7");
    let (status, first) = post(&server, &[token], &named).await;
    assert_eq!((status, &first["request_id"]), (200, &json!("order-7")));
    let both = [token, ("idempotency-key", "order-7")];
    assert_eq!(post(&server, &both, &named).await, (200, first.clone()));
    let differ = [token, ("idempotency-key", "order-8")];
    assert_eq!(post(&server, &differ, &named).await, (200, first));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_with_one_key_have_two_cases() {
    let server = start("enforce").await;
    let (_, ours) = server.ask(AGENT, "key-1", &pay(50)).await;
    let (status, theirs) = server.ask(OTHER_AGENT, "key-1", &pay(60)).await;
    assert_eq!((status, &theirs["agent"]), (200, &json!("release-bot")));
    assert_ne!(ours["case_id"], theirs["case_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_an_agent_learns_nothing_of_what_policy_said() {
    let server = start("dry_run").await;
    let mut told = Vec::new();
    for (key, amount) in [("a", 50), ("b", 20_000), ("c", 5_000), ("d", 500)] {
        let (status, verdict) = server.ask(AGENT, key, &pay(amount)).await;
        assert_eq!(status, 200, "{verdict}");
        assert_eq!(
            (&verdict["outcome"], &verdict["mode"], &verdict["state"]),
            (&Value::Null, &json!("dry_run"), &json!("resolved"))
        );
        let started = std::time::Instant::now();
        let (status, later) = look(&server, AGENT, &id(&verdict), "?wait=20s").await;
        assert_eq!((status, &later), (200, &verdict));
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "waiting returns at once"
        );
        let mut blank = verdict.clone();
        for own in ["case_id", "request_id", "decided_at"] {
            blank.as_object_mut().unwrap().remove(own);
        }
        told.push(blank);
    }
    assert!(told.iter().all(|verdict| *verdict == told[0]), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_see_neither_votes_nor_terms_nor_what_was_missing() {
    let server = start("enforce").await;
    let (_, asked) = server.ask(AGENT, "a", &pay(5_000)).await;
    let case = id(&asked);
    server.vote(ADMIN, &case, "approve", "between us").await;
    let (_, open) = look(&server, AGENT, &case, "").await;
    for hidden in [
        "votes",
        "escalation",
        "failures",
        "terms",
        "timeline",
        "digest",
    ] {
        assert_eq!(open.get(hidden), None, "{hidden}");
    }
    let text = open.to_string();
    assert!(
        !text.contains("between us") && !text.contains("payments") && !text.contains("alice"),
        "{text}"
    );

    // And what is for people takes a token of theirs.
    let path = format!("/v1/cases/{case}");
    assert_eq!(server.call("GET", &path, AGENT, None).await.0, 401);
    assert_eq!(server.call("GET", &path, VIEWER, None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_do_not_see_which_fact_was_missing() {
    let policy = r#"package approvals.pay

approve contains "small" if {
	input.action == "pay"
	input.context.amount < 100
}

reject contains "embargo" if {
	input.action == "pay"
	input.context.country == "XX"
}
"#;
    let platform = TraceMem::start().await;
    let policies = [("approvals/pay/pay.rego", policy)];
    let server = Countersign::start_with(&config("enforce", &platform), &policies).await;
    let (status, asked) = server.ask(AGENT, "b", &pay(50)).await;
    assert_eq!(
        (status, &asked["cause"], &asked["evidence"]),
        (202, &json!("evidence"), &json!([]))
    );
    assert!(!asked.to_string().contains("country"), "{asked}");
    let seen = server.case(&id(&asked)).await;
    assert_eq!(
        seen["verdict"]["evidence"][0]["path"],
        "input.context.country"
    );
}
