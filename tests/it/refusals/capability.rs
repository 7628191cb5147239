//! The token of a request answers it. It is in the store and on its way to the platform, and nowhere else.

use serde_json::{Value, json};

use super::child::{Program, run};
use crate::harness::{
    ADMIN, AGENT, CREDENTIAL, SECRET, VIEWER, answer, client, config, requested, signature, token,
};
use crate::tracemem::{Behaviour, TraceMem};

const PATH_SECRET: &str = "secret-path-of-the-integration";

#[tokio::test(flavor = "multi_thread")]
async fn a_capability_is_seen_nowhere_but_at_the_platform_not_even_in_a_trace_log() {
    let platform = TraceMem::start().await;
    let config = config("enforce", &platform)
        .replace("store:", "log: {format: json, level: trace}\nstore:")
        .replace(
            "hmac: {",
            &format!("secret_path: {PATH_SECRET}}}, {{hmac: {{"),
        );
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &config);
    let client = client();
    let deliver = async |body: String, path_secret: &str, secret: &str| {
        let url = format!("http://{}/v1/sources/tm/{path_secret}", program.intake);
        let signed = signature(secret, body.as_bytes());
        answer(
            client
                .post(url)
                .header("X-TraceMem-Signature", signed)
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let look = async |path: &str| {
        let request = client
            .get(format!("http://{}{path}", program.operators))
            .bearer_auth(VIEWER);
        request.send().await.unwrap().text().await.unwrap()
    };

    // A platform that repeats what it was sent, in every way in which it can say no.
    let echo = |number: u32| json!({"error": format!("cannot use {} of {CREDENTIAL}", token(number)), "token": token(number)});
    platform.script(&token(2), [Behaviour::Say(400, echo(2), vec![])]);
    platform.script(&token(3), [Behaviour::Say(401, echo(3), vec![])]);
    platform.script(&token(4), vec![Behaviour::Say(503, echo(4), vec![]); 50]);
    platform.script(&token(5), [Behaviour::TakeAndReset]);
    let mut seen = String::new();
    let mut cases = Vec::new();
    for (number, amount) in [(1, 50), (2, 50), (3, 50), (4, 50), (5, 20_000), (6, 5_000)] {
        let mut event = requested(number, json!(amount));
        // The agent's text and the platform's links may hold it too, as a value and as a key.
        event["message"] = json!(format!("answer with {}", token(number)));
        event["context"]["link"] = json!(format!(
            "https://app.example.com/approve?token={}",
            token(number)
        ));
        event["context"][token(number)] = json!([{"deep": token(number)}]);
        let (status, told) = deliver(event.to_string(), PATH_SECRET, SECRET).await;
        assert_eq!(
            (status, told["status"].as_str()),
            (200, Some("accepted")),
            "{told}"
        );
        cases.push(told["case_id"].as_str().unwrap().to_owned());
        // Refused in every way: a conflict, a forgery, a wrong path, JSON that breaks off after the token.
        let mut other = event.clone();
        other["title"] = json!(format!("another {}", token(number)));
        let text = event.to_string();
        for (body, path_secret, secret, expected) in [
            (other.to_string(), PATH_SECRET, SECRET, 409),
            (text.clone(), PATH_SECRET, "a-secret-of-somebody-else", 401),
            (text.clone(), &PATH_SECRET[1..], SECRET, 401),
            (
                text.replace("\"token\":", "\"token\":!"),
                PATH_SECRET,
                SECRET,
                400,
            ),
            (
                text.replace("\"token\":", &format!("\"{}\":1,\"{0}\":", token(number))),
                PATH_SECRET,
                SECRET,
                400,
            ),
        ] {
            let (status, told) = deliver(body, path_secret, secret).await;
            assert_eq!(status, expected, "{told}");
            // Whoever sent it knows it; a key of theirs is all that is repeated to them.
            if expected != 400 {
                seen.push_str(&told.to_string());
            }
        }
    }
    let answers = platform.wait_for(5).await;
    assert!(
        answers
            .iter()
            .any(|answer| answer.json()["token"] == token(1))
    );
    let dead = async {
        loop {
            let outbox: Value = serde_json::from_str(&look("/v1/outbox").await).unwrap();
            let effects = outbox["effects"].as_array().unwrap().clone();
            let failed =
                |effect: &&Value| effect["last_error"].is_string() || effect["error"].is_string();
            if effects.iter().filter(failed).count() >= 3 {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), dead).await;
    assert!(waited.is_ok(), "{}", look("/v1/outbox").await);

    for path in [
        "/v1/cases",
        "/v1/outbox",
        "/v1/log?after=0",
        "/metrics",
        "/readyz?verbose",
        "/v1/policies",
        "/v1/cases?q=capability-token-1",
    ] {
        seen.push_str(&look(path).await);
    }
    for case in &cases {
        let file = look(&format!("/v1/cases/{case}")).await;
        // The policy input is there, and what stood where the token was.
        assert!(file.contains("answer with [token]"), "{file}");
        seen.push_str(&file);
    }
    let (code, written) = program.terminate();
    assert_eq!(code, Some(0));
    assert!(
        written.contains("\"TRACE\"") || written.contains("trace"),
        "{written}"
    );
    seen.push_str(&written);
    for arguments in [
        ["log", "export"].as_slice(),
        &["log", "--format", "json"],
        &["log"],
        &["cases", "--format", "json"],
        &["cases"],
        &["cases", &cases[0]],
        &["outbox", "list"],
        &["outbox", "list", "--format", "json"],
        &["agreement"],
        &["config", "check"],
    ] {
        let ran = run(folder.path(), arguments);
        let said = [ran.stdout, ran.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(
            ran.status.code().is_some_and(|code| code != 101),
            "{arguments:?}: {said}"
        );
        seen.push_str(&said);
    }
    assert!(seen.contains("\"appr_6\""));
    for secret in [
        "capability-token",
        SECRET,
        PATH_SECRET,
        CREDENTIAL,
        ADMIN,
        AGENT,
        VIEWER,
    ] {
        if let Some(at) = seen.find(secret) {
            let start = seen.floor_char_boundary(at.saturating_sub(600));
            let end = seen.floor_char_boundary((at + 300).min(seen.len()));
            panic!("`{secret}` is in: {}", &seen[start..end]);
        }
    }
}
