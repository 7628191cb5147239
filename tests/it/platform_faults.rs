//! Whatever a platform says to our answer, the case ends as it should.

use serde_json::{Value, json};

use crate::harness::{
    ADMIN, CREDENTIAL, Countersign, config, config_at, eventually, requested, token, with, with_tm,
    write,
};
use crate::tracemem::{Behaviour, TraceMem};

pub(crate) fn say(status: u16) -> Behaviour {
    Behaviour::Say(status, json!({"message": "no"}), Vec::new())
}

fn say_status(status: u16, word: &str) -> Behaviour {
    Behaviour::Say(status, json!({"status": word}), Vec::new())
}

/// A server in enforce whose platform treats the answer to request 1 as scripted, and the case of that request.
pub(crate) async fn answered(
    behaviours: impl IntoIterator<Item = Behaviour>,
) -> (TraceMem, Countersign, String) {
    let platform = TraceMem::start().await;
    platform.script(&token(1), behaviours);
    let config = with(&config("enforce", &platform), "outbox: {timeout: 300ms}");
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    (platform, server, id)
}

pub(crate) async fn resolved(server: &Countersign, id: &str) -> Value {
    let file = server
        .case_when(id, |verdict| verdict["state"] == "resolved")
        .await;
    file["verdict"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_a_platform_that_is_down() {
    let address = TraceMem::nowhere().await;
    let server = Countersign::start(&config_at("enforce", &format!("http://{address}"))).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let waits = eventually("the answer was tried", async || {
        let outbox = server.outbox().await;
        (outbox[0]["attempts"].as_u64() > Some(0)).then(|| outbox[0].clone())
    })
    .await;
    let error = waits["error"].as_str().unwrap();
    assert!(error.contains("cannot connect to `127.0.0.1"), "{error}");

    let platform = TraceMem::start_at(address).await;
    platform.wait_for(1).await;
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["answer"], "settled");
    assert_eq!(platform.resolution(&token(1)).as_deref(), Some("approved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_confirmed_is_sent_again_to_the_byte_and_counts_once() {
    let (platform, server, id) = answered([Behaviour::TakeAndHang]).await;
    let received = platform.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    let key = received[0].header("idempotency-key");
    assert!(key.is_some() && key == received[1].header("idempotency-key"));
    // The platform says 409 to the second: an end, not an error.
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["answer"], "settled");
    assert_eq!(verdict["platform_outcome"], "approved");
    assert!(server.outbox().await.is_empty());
    assert_eq!(platform.contradictions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_closed_without_a_word_is_tried_again() {
    let (platform, server, id) = answered([Behaviour::TakeAndReset]).await;
    let received = platform.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(
        resolved(&server, &id).await["resolution"]["answer"],
        "settled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_is_an_alert_and_a_dead_letter_until_it_is_renewed() {
    for status in [401, 403] {
        let platform = TraceMem::start().await;
        platform.script(&token(1), [say(status)]);
        let text = config("enforce", &platform).replace(
            &format!("credential: {CREDENTIAL}"),
            "credential_file: credential",
        );
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join("credential"),
            "an-old-credential-0123456789",
        );
        let text = text.replace(
            "credential_file: credential",
            &format!(
                "credential_file: {}",
                folder.path().join("credential").display()
            ),
        );
        let server = Countersign::start(&text).await;
        assert!(
            server
                .metric("countersign_answer_alerts_total")
                .await
                .ends_with(r#"{source="tm"} 0"#),
            "the series starts at zero"
        );
        let id = server.accepted(&requested(1, json!(50))).await;
        let dead = server.only_effect("dead").await;
        assert_eq!(
            (&dead["kind"], &dead["attempts"]),
            (&json!("answer"), &json!(1))
        );
        assert_eq!(
            server.case(&id).await["verdict"]["resolution"]["answer"],
            "dead"
        );
        let alerts = server.metric("countersign_answer_alerts_total").await;
        assert_eq!(alerts, r#"countersign_answer_alerts_total{source="tm"} 1"#);
        assert_eq!(
            server.metric("countersign_outbox_dead ").await,
            "countersign_outbox_dead 1"
        );
        let readiness = server.readiness().await;
        assert!(
            readiness.contains(&format!(
                "[-]source tm: `127.0.0.1:{}` answered {status}",
                platform.address.port()
            )) && readiness.contains("[-]outbox: 1 given up"),
            "{readiness}"
        );

        write(
            &folder.path().join("credential"),
            "a-new-credential-9876543210",
        );
        let number = dead["id"].to_string();
        if status == 401 {
            let path = format!("/v1/outbox/{number}/retry");
            assert_eq!(server.call("POST", &path, ADMIN, None).await.0, 200);
        } else {
            let ran = server.command(ADMIN, &["outbox", "retry", &number]).await;
            assert_eq!(ran.status, Some(0), "{ran:?}");
        }
        let received = platform.wait_for(2).await;
        assert_eq!(
            received[1].header("authorization"),
            Some("Bearer a-new-credential-9876543210")
        );
        assert_eq!(
            resolved(&server, &id).await["resolution"]["answer"],
            "settled"
        );
        assert!(!server.readiness().await.contains("[-]"));
        let again = format!("/v1/outbox/{number}/retry");
        assert_eq!(server.call("POST", &again, ADMIN, None).await.0, 404);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_stays_dead_becomes_a_question_and_the_person_has_the_last_word() {
    let platform = TraceMem::start().await;
    platform.script(&token(1), [say(401)]);
    let config = with_tm(&config("enforce", &platform), "answer_within: 1s");
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "open")
        .await;
    let verdict = &file["verdict"];
    assert_eq!(
        (&verdict["outcome"], &verdict["cause"]),
        (&json!("escalate"), &json!("source"))
    );
    assert_eq!(verdict["resolution"], Value::Null);
    let rationale = verdict["rationale"].as_str().unwrap();
    assert!(
        rationale.starts_with("Left to a person: the platform could not be told in time."),
        "{rationale}"
    );
    assert!(
        server.outbox().await.is_empty(),
        "the approval is withdrawn"
    );

    let (status, voted) = server.vote(ADMIN, &id, "approve", "I looked").await;
    assert_eq!(status, 200, "{voted}");
    let received = platform.wait_for(2).await;
    assert_eq!(
        received[1].json()["rationale"],
        "Approved by alice: I looked"
    );
    assert_eq!(
        resolved(&server, &id).await["resolution"]["by"],
        "person:alice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_the_platform_will_never_take_is_a_dead_letter_and_no_alert() {
    for status in [400, 404, 422] {
        let (platform, server, id) = answered([say(status)]).await;
        let dead = server.only_effect("dead").await;
        assert_eq!(dead["attempts"], 1, "{status}");
        let error = dead["error"].as_str().unwrap();
        assert!(
            error.contains(&status.to_string()) && error.ends_with(": no"),
            "{error}"
        );
        let verdict = &server.case(&id).await["verdict"];
        assert_eq!(verdict["state"], "answering");
        assert_eq!(verdict["resolution"]["answer"], "dead");
        assert!(
            server
                .metric("countersign_answer_alerts_total")
                .await
                .ends_with(" 0")
        );
        server.stop().await;
        assert_eq!(platform.received().len(), 1, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_never_followed() {
    let elsewhere = TraceMem::start().await;
    let to = vec![("location", format!("{}/steal", elsewhere.url()))];
    for status in [301, 302, 307, 308] {
        let (_platform, server, _) =
            answered([Behaviour::Say(status, json!({}), to.clone())]).await;
        server.only_effect("dead").await;
        server.stop().await;
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_has_our_answer_already_is_an_end() {
    let (_platform, server, id) = answered([say_status(409, "approved")]).await;
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["answer"], "settled");
    assert_eq!(verdict["platform_outcome"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_has_another_answer_supersedes_ours() {
    for (status, word) in [(409, "rejected"), (200, "rejected"), (200, "expired")] {
        let (_platform, server, id) = answered([say_status(status, word)]).await;
        let verdict = resolved(&server, &id).await;
        assert_eq!(
            verdict["resolution"]["outcome"], "superseded",
            "{status} {word}"
        );
        assert_eq!(verdict["resolution"]["by"], "platform");
        assert_eq!(verdict["platform_outcome"], word);
        assert_eq!(verdict["outcome"], "approve", "what policy said stays");
        assert!(server.outbox().await.is_empty());
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_without_a_word_is_somebody_elses_answer_unless_ours_may_have_arrived() {
    let (_platform, server, id) = answered([say(409)]).await;
    assert_eq!(
        resolved(&server, &id).await["resolution"]["outcome"],
        "superseded"
    );
    server.stop().await;

    let (_platform, server, id) = answered([say(500), say(409)]).await;
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["answer"], "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_says_gone_ends_the_case_as_expired() {
    let (_platform, server, id) = answered([say(410)]).await;
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "expired");
    assert!(server.outbox().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_is_a_success_whatever_its_body() {
    let raw = |body: &[u8]| {
        let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        bytes.push_str(&String::from_utf8_lossy(body));
        Behaviour::TakeAndWrite(bytes.into_bytes())
    };
    let huge = vec![b'['; 3 * 1024 * 1024];
    for body in [
        &b""[..],
        b"<html>thank you</html>",
        b"[1,2",
        b"{\"status\":7}",
        &huge,
    ] {
        let (platform, server, id) = answered([raw(body)]).await;
        let verdict = resolved(&server, &id).await;
        assert_eq!(verdict["resolution"]["outcome"], "approved");
        assert_eq!(verdict["resolution"]["answer"], "settled");
        server.stop().await;
        assert_eq!(platform.received().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_that_breaks_off_is_asked_about_again() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\": \"appro".to_vec();
    let (platform, server, id) = answered([Behaviour::TakeAndWrite(half)]).await;
    let received = platform.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(
        resolved(&server, &id).await["resolution"]["answer"],
        "settled"
    );
    assert_eq!(platform.contradictions(), 0);
}
