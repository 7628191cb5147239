//! What was on its way when the config changed: a source that is put back into dry-run, one that is gone, one that
//! begins to enforce. And a case that somebody changed in the file, which must stop alone.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Countersign, config_at, eventually, requested, token, with, with_tm};
use crate::tracemem::TraceMem;

/// A server in enforce whose platform is down, with an approval, a reject and a question, and where the platform will
/// be.
async fn with_answers_on_their_way(
    answer_within: &str,
) -> (std::net::SocketAddr, Countersign, [String; 3]) {
    let address = TraceMem::nowhere().await;
    let config = with_tm(
        &config_at("enforce", &format!("http://{address}")),
        &format!("answer_within: {answer_within}"),
    );
    let server = Countersign::start(&config).await;
    let approval = server.accepted(&requested(1, json!(50))).await;
    let reject = server.accepted(&requested(2, json!(20_000))).await;
    let question = server.accepted(&requested(3, json!(500))).await;
    (address, server, [approval, reject, question])
}

/// The outbox, once all that is due is given up.
async fn dead_letters(server: &Countersign) -> Vec<Value> {
    eventually("everything is given up", async || {
        let outbox = server.outbox().await;
        let given_up = outbox.iter().filter(|effect| effect["state"] != "would");
        let mut given_up = given_up.clone();
        given_up
            .all(|effect| effect["state"] == "dead")
            .then(|| outbox.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_put_back_into_dry_run_sends_nothing_of_what_was_on_its_way() {
    let (address, server, [approval, reject, question]) = with_answers_on_their_way("15m").await;
    let server = server
        .restart_with(&config_at("dry_run", &format!("http://{address}")))
        .await;
    let platform = TraceMem::start_at(address).await;
    let dead = dead_letters(&server).await;
    assert_eq!(dead.len(), 2, "{dead:?}");
    for effect in &dead {
        let error = effect["error"].as_str().unwrap();
        assert!(error.contains("dry_run"), "{error}");
    }
    let (status, voted) = server.vote(ADMIN, &question, "approve", "I looked").await;
    assert_eq!(status, 200, "{voted}");
    let resolution = &voted["verdict"]["resolution"];
    assert_eq!(
        (&resolution["outcome"], &resolution["answer"]),
        (&json!("approved"), &json!("none"))
    );
    for id in [&approval, &reject] {
        let verdict = &server.case(id).await["verdict"];
        assert_eq!(verdict["resolution"]["answer"], "dead", "{verdict}");
    }
    assert!(platform.received().is_empty());

    // Back in enforce a person sends what they still want sent; what was voted on in dry-run stays unsaid.
    let server = server
        .restart_with(&config_at("enforce", &format!("http://{address}")))
        .await;
    let of_reject = dead
        .iter()
        .find(|effect| effect["case_id"] == json!(reject));
    let again = format!("/v1/outbox/{}/retry", of_reject.unwrap()["id"]);
    assert_eq!(server.call("POST", &again, ADMIN, None).await.0, 200);
    let received = platform.wait_for(1).await;
    assert_eq!(received[0].json()["token"], token(2));
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_that_is_gone_had_on_its_way_is_given_up_and_its_questions_still_end() {
    let (address, server, [approval, _, question]) = with_answers_on_their_way("2s").await;
    let config = config_at("enforce", &format!("http://{address}"));
    let (before, after) = config.split_once("  - name: tm\n").unwrap();
    let (_, after) = after.split_once("  - name: agents\n").unwrap();
    let server = server
        .restart_with(&format!("{before}  - name: agents\n{after}"))
        .await;
    let platform = TraceMem::start_at(address).await;
    dead_letters(&server).await;
    server
        .case_when(&approval, |verdict| verdict["state"] == "open")
        .await;
    for id in [&approval, &question] {
        let (status, voted) = server.vote(ADMIN, id, "approve", "I looked").await;
        assert_eq!(status, 200, "{voted}");
        let verdict = &voted["verdict"];
        assert_eq!(
            (&verdict["state"], &verdict["resolution"]["answer"]),
            (&json!("resolved"), &json!("none"))
        );
    }
    server.stop().await;
    assert!(platform.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_begins_to_enforce_answers_nothing_that_was_decided_in_dry_run() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config_at("dry_run", &platform.url())).await;
    server.accepted(&requested(1, json!(50))).await;
    let question = server.accepted(&requested(3, json!(500))).await;
    let server = server
        .restart_with(&config_at("enforce", &platform.url()))
        .await;
    let (_, told) = server.deliver(&requested(1, json!(50))).await;
    assert_eq!(told["status"], "duplicate");
    let (status, voted) = server.vote(ADMIN, &question, "approve", "I looked").await;
    assert_eq!(
        (status, &voted["verdict"]["resolution"]["answer"]),
        (200, &json!("none"))
    );
    server.accepted(&requested(2, json!(50))).await;
    assert_eq!(platform.wait_for(1).await[0].json()["token"], token(2));
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_was_changed_in_the_file_holds_up_no_other_deadline() {
    let platform = TraceMem::start().await;
    let config = with(
        &config_at("enforce", &platform.url()),
        "escalation: {within: 2s}",
    );
    let server = Countersign::start(&config).await;
    server.accepted(&requested(1, json!(500))).await;
    let other = server.accepted(&requested(2, json!(500))).await;
    let folder = server.stop().await;
    let file = rusqlite::Connection::open(folder.path().join("countersign.db")).unwrap();
    let changed = file.execute(
        "UPDATE cases SET agent = 'mallory' WHERE request = 'appr_1'",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(file);
    let server = Countersign::start_in(folder, &config).await;
    let file = server
        .case_when(&other, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "expired");
}
