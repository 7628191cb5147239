//! Secrets change while the program runs, and sometimes they are gone.

use serde_json::json;

use super::{TM, Told, nothing_is_stored, post, refused};
use crate::harness::{Countersign, config, requested, signature, write};
use crate::tracemem::TraceMem;

const OLD: &str = "the-secret-of-last-year";
const NEW: &str = "the-secret-of-this-year";

/// A server whose secrets are these.
async fn server(secrets: &str) -> Countersign {
    let platform = TraceMem::start().await;
    let verify = format!("{{hmac: {{secrets: {secrets}}}}}");
    Countersign::start(&super::config_with(&platform, &verify, "")).await
}

/// A server whose one secret is in the file that is named, with its content.
async fn server_with_file(content: &str) -> (Countersign, std::path::PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    write(&path, content);
    let server = server(&format!("[{{file: {}}}]", path.display())).await;
    (server, path, folder)
}

async fn send(server: &Countersign, number: u32, secret: &str) -> Told {
    let body = requested(number, json!(50)).to_string().into_bytes();
    let signed = signature(secret, &body);
    post(
        server,
        TM,
        body,
        &[("X-TraceMem-Signature", signed.as_bytes())],
    )
    .await
}

async fn send_in_vain(server: &Countersign, secret: &str, expected: (u16, &str, &str)) -> Told {
    let body = requested(9, json!(50)).to_string().into_bytes();
    let signed = signature(secret, &body);
    let headers = [("X-TraceMem-Signature", signed.as_bytes())];
    refused(server, TM, body, &headers, expected).await
}

const WRONG: (u16, &str, &str) = (401, "unverified", "signature_wrong");
const UNUSABLE: (u16, &str, &str) = (503, "unavailable", "secret_unusable");

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_exchanged_the_old_and_the_new_one_hold_and_no_third() {
    let server = server(&format!("[{OLD}, {NEW}]")).await;
    send_in_vain(&server, "the-secret-of-nobody", WRONG).await;
    send_in_vain(&server, &format!("{OLD}{NEW}"), WRONG).await;
    nothing_is_stored(&server).await;
    for (number, secret) in [(1, OLD), (2, NEW)] {
        assert_eq!(send(&server, number, secret).await.word(), "accepted");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_file_that_is_rewritten_holds_from_the_next_delivery_on() {
    let (server, path, folder) = server_with_file(OLD).await;
    assert_eq!(send(&server, 1, OLD).await.word(), "accepted");
    write(&path, NEW);
    assert_eq!(send(&server, 2, NEW).await.word(), "accepted");
    send_in_vain(&server, OLD, WRONG).await;
    // As an orchestrator does it: another file is moved over it.
    let next = folder.path().join("next");
    write(&next, &format!("{OLD}\n"));
    std::fs::rename(&next, &path).unwrap();
    assert_eq!(send(&server, 3, OLD).await.word(), "accepted");
    send_in_vain(&server, NEW, WRONG).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_file_that_is_gone_is_our_fault_and_verifies_nobody() {
    let (server, path, _folder) = server_with_file(OLD).await;
    std::fs::remove_file(&path).unwrap();
    for secret in [OLD, NEW] {
        let told = send_in_vain(&server, secret, UNUSABLE).await;
        assert_eq!(told.header("retry-after"), Some("1"));
        let said = told.body.to_string();
        assert!(!said.contains("file") && !said.contains("secret"), "{said}");
    }
    // An empty file, and one with nothing but a line end, are no secret either; and nobody signs with nothing.
    for content in ["", "\n"] {
        write(&path, content);
        send_in_vain(&server, OLD, UNUSABLE).await;
        send_in_vain(&server, content, UNUSABLE).await;
    }
    nothing_is_stored(&server).await;
    write(&path, OLD);
    assert_eq!(send(&server, 1, OLD).await.word(), "accepted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_gone_does_not_take_the_other_one_with_it() {
    let server = server(&format!("[{{file: /nonexistent/secret}}, {NEW}]")).await;
    send_in_vain(&server, OLD, UNUSABLE).await;
    nothing_is_stored(&server).await;
    assert_eq!(send(&server, 1, NEW).await.word(), "accepted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_token_file_that_is_gone_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write(&path, OLD);
    let platform = TraceMem::start().await;
    let config = config("enforce", &platform);
    let usual = format!("token: {}", crate::harness::AGENT);
    assert!(config.contains(&usual));
    let config = config.replace(&usual, &format!("token_file: {}", path.display()));
    let server = Countersign::start(&config).await;
    let asked = json!({"action": "pay", "context": {"amount": 50}});
    std::fs::remove_file(&path).unwrap();
    for token in [OLD, NEW] {
        let (status, told) = server.ask(token, "key-1", &asked).await;
        assert_eq!((status, told["code"].as_str()), (503, Some("unavailable")));
    }
    nothing_is_stored(&server).await;
    write(&path, NEW);
    assert_eq!(server.ask(NEW, "key-1", &asked).await.0, 200);
    let (status, told) = server.ask(OLD, "key-2", &asked).await;
    assert_eq!((status, told["code"].as_str()), (401, Some("unverified")));
    server.stop().await;
}
