//! The platform tells how a request ended: before our answer, after it, as its echo, or of something we never saw.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Countersign, VIEWER, config, requested, token};
use crate::tracemem::{Behaviour, TraceMem};

fn resolved(number: u32, word: &str) -> Value {
    json!({
        "event": "approval.resolved", "approval_id": format!("appr_{number}"), "resolution": word,
        "approver": "dana", "rationale": "she knows the customer",
    })
}

async fn told(server: &Countersign, event: &Value) -> Value {
    let (status, told) = server.deliver(event).await;
    assert_eq!(status, 200, "{told}");
    told
}

async fn verdict(server: &Countersign, id: &str) -> Value {
    server.case(id).await["verdict"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_decision_at_the_platform_closes_our_question() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(5_000))).await;
    let digest = server.case(&id).await["digest"].clone();
    let closed = told(&server, &resolved(1, "approved")).await;
    assert_eq!(closed, json!({"status": "closed", "case_id": id}));
    let after = verdict(&server, &id).await;
    assert_eq!(after["state"], "resolved");
    assert_eq!(after["resolution"]["outcome"], "superseded");
    assert_eq!(after["resolution"]["reason"], "she knows the customer");
    assert_eq!(after["platform_outcome"], "approved");

    let late = json!({"vote": "reject", "reason": "no", "digest": digest});
    let path = format!("/v1/cases/{id}/votes");
    let (status, problem) = server.call("POST", &path, ADMIN, Some(&late)).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("closed")));
    let again = told(&server, &resolved(1, "approved")).await;
    assert_eq!(again["status"], "duplicate");
    server.stop().await;
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_says_what_we_are_about_to_say_settles_our_answer() {
    let platform = TraceMem::start().await;
    let later = vec![("retry-after", "600".to_owned())];
    platform.always(Behaviour::Say(503, json!({}), later));
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    platform.wait_for(1).await;
    assert_eq!(
        told(&server, &resolved(1, "approved")).await["status"],
        "closed"
    );
    let after = verdict(&server, &id).await;
    assert_eq!(after["resolution"]["outcome"], "approved");
    assert_eq!(after["resolution"]["answer"], "settled");
    assert_eq!(after["platform_outcome"], "approved");
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_says_otherwise_withdraws_our_answer() {
    let platform = TraceMem::start().await;
    let later = vec![("retry-after", "600".to_owned())];
    platform.script(&token(1), [Behaviour::Say(503, json!({}), later)]);
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    server
        .case_when(&id, |_| platform.received().len() == 1)
        .await;
    assert_eq!(
        told(&server, &resolved(1, "rejected")).await["status"],
        "closed"
    );
    let after = verdict(&server, &id).await;
    assert_eq!(after["outcome"], "approve");
    assert_eq!(after["resolution"]["outcome"], "superseded");
    assert_eq!(after["platform_outcome"], "rejected");
    crate::harness::eventually("the answer is gone", async || {
        server.outbox().await.is_empty().then_some(())
    })
    .await;
    server.stop().await;
    assert_eq!(platform.resolution(&token(1)), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_of_our_own_answer_changes_nothing() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let settled = |verdict: &Value| verdict["resolution"]["answer"] == "settled";
    let before = server.case_when(&id, settled).await;
    assert_eq!(
        told(&server, &resolved(1, "approved")).await["status"],
        "duplicate"
    );
    assert_eq!(server.case(&id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_reports_of_a_closed_case_is_kept_beside_ours() {
    let platform = TraceMem::start().await;
    platform.always(Behaviour::Say(200, json!({}), Vec::new()));
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let settled = |verdict: &Value| verdict["resolution"]["answer"] == "settled";
    server.case_when(&id, settled).await;
    // Its later word stands against an earlier one, and the same word once.
    for (word, status) in [
        ("approved", "closed"),
        ("approved", "duplicate"),
        ("rejected", "closed"),
    ] {
        assert_eq!(
            told(&server, &resolved(1, word)).await["status"],
            status,
            "{word}"
        );
        let after = verdict(&server, &id).await;
        assert_eq!(after["resolution"]["outcome"], "approved");
        assert_eq!(after["platform_outcome"], word);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_about_a_request_we_never_saw_is_acknowledged_and_ignored() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    assert_eq!(
        told(&server, &resolved(9, "approved")).await,
        json!({"status": "ignored"})
    );
    assert_eq!(
        told(
            &server,
            &json!({"event": "decision.closed", "decision_id": "TMEM_9"})
        )
        .await,
        json!({"status": "ignored"})
    );
    let (_, page) = server.get("/v1/cases").await;
    assert_eq!(page["cases"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_the_peoples_word_is_kept_beside_ours_and_compared() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("dry_run", &platform)).await;
    let requests = [
        (1, 50, "rejected"),
        (2, 20_000, "approved"),
        (3, 5_000, "approved"),
        (4, 50, "approved"),
        (5, 50, "deferred"),
    ];
    let mut cases = Vec::new();
    for (number, amount, word) in requests {
        let id = server.accepted(&requested(number, json!(amount))).await;
        assert_eq!(
            told(&server, &resolved(number, word)).await["status"],
            "closed"
        );
        cases.push(id);
    }
    let danger = verdict(&server, &cases[0]).await;
    assert_eq!(danger["mode"], "dry_run");
    assert_eq!(danger["resolution"]["outcome"], "approved");
    assert_eq!(danger["resolution"]["answer"], "none");
    assert_eq!(danger["platform_outcome"], "rejected");
    assert_eq!(
        verdict(&server, &cases[2]).await["resolution"]["outcome"],
        "superseded"
    );
    assert_eq!(
        verdict(&server, &cases[4]).await["platform_outcome"],
        "deferred"
    );

    let ran = server
        .command(VIEWER, &["agreement", "--format", "json"])
        .await;
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&report["compared"], &report["same"]),
        (&json!(5), &json!(1))
    );
    let ids = |key: &str| -> Vec<Value> {
        let cases = report[key].as_array().unwrap().iter();
        cases.map(|case| case["case_id"].clone()).collect()
    };
    assert_eq!(ids("would_approve_what_people_rejected"), [json!(cases[0])]);
    assert_eq!(ids("would_reject_what_people_approved"), [json!(cases[1])]);
    assert_eq!(report["would_have_asked"]["approved"], 1);
    assert_eq!(report["nobody_decided"]["other"], 1);

    let ran = server.command(VIEWER, &["agreement"]).await;
    assert!(
        ran.out.contains("approved 1 that people rejected") && ran.out.contains("Small payment"),
        "{ran:?}"
    );
    server.stop().await;
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_arrives_after_its_own_end_finds_the_platform_has_an_answer() {
    let platform = TraceMem::start().await;
    let taken = Behaviour::Say(409, json!({"status": "rejected"}), Vec::new());
    platform.script(&token(1), [taken]);
    let server = Countersign::start(&config("enforce", &platform)).await;
    assert_eq!(
        told(&server, &resolved(1, "rejected")).await["status"],
        "ignored"
    );
    let id = server.accepted(&requested(1, json!(50))).await;
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "superseded");
    assert_eq!(file["verdict"]["platform_outcome"], "rejected");
}
