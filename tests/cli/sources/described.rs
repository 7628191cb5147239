//! Sources that are described by their config, AgentWarden among them.

use std::path::Path;

use serde_json::{Value, json};

use super::server::{PRIVATE_KEY, PUBLIC_KEY, Server, shell, timeless};
use crate::desk::{Ran, copy_folder, program};

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_has_every_part_that_the_config_names() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "orca"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!(timeless(&ran.out), @r#"
    accepted 200, as CASE
    POST http://HOST/v1/sources/orca

    What was read
      action                   countersign.test
      agent                    countersign-test
      context.amount           1
      context.by.name          countersign-test
      context.id               SAMPLE
      context.kind             countersign.test
      context.sample           true
      context.title            A sample
      context.until            TIME
      title (agent's words)    A sample
      message (agent's words)  a run
      requested_at             TIME
      expires_at               TIME
      verified.record          false
      verified.signature       true

    What was decided
      escalate (no_rule)
      Left to a person: no rule of policy REVISION matched.
      all of it: countersign explain CASE

    What would be answered
      a sample is never answered; a request like it would be
      if people approve
      PATCH https://callbacks.example.com/***
        authorization: Bearer ***
        {"status":"passed","why":"Approved by NAME: REASON","kind":"countersign.test"}
      if people reject
      POST http://HOST/runs/SAMPLE/stop
        x-key: ***
        {"why":"Rejected by NAME: REASON"}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_names_its_event_in_a_header_is_signed_with_it() {
    let server = Server::start().await;
    let body = json!({"run": {"id": "run_1", "until": "2040-01-01T00:00:00Z"}, "access_token": "tok_5f0c9a1e77"});
    server.write("own.json", &body.to_string());
    let asks = server.sign(&["source", "sign", "orca", "own.json", "--format", "json"]);
    let headers = &asks.json()["headers"];
    assert_eq!(headers["x-orca-event"], "run.needs_approval");
    assert!(headers["x-orca-delivery"].is_string());
    let other = server.sign(&[
        "source",
        "sign",
        "orca",
        "own.json",
        "--event",
        "run.viewed",
    ]);
    assert!(
        other.err.contains("reads event `run.viewed` as nothing"),
        "{other:?}"
    );
    let sent = shell(&server, &other.out);
    let said: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!(said["status"], "ignored");
    let none = server.sign(&["source", "sign", "refunds", "own.json", "--event", "x"]);
    assert!(
        none.status == 1 && none.err.contains("do not name their event in a header"),
        "{none:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_given_the_id_of_a_sample_wherever_the_config_has_it() {
    let server = Server::start().await;
    let body = json!({
        "run": {"id": 4711, "kind": "stripe.refund", "amount": 50, "link": "4711"}, "access_token": "tok_5f0c9a1e77",
        "callback_url": "https://callbacks.example.com/1",
    });
    server.write("own.json", &body.to_string());
    let arguments = [
        "source",
        "test",
        "orca",
        "--request",
        "own.json",
        "--format",
        "json",
    ];
    let tried = server.run(&arguments).json();
    let id = tried["verdict"]["request_id"].as_str().unwrap();
    assert!(id.starts_with("countersign-test-"));
    assert_eq!(tried["verdict"]["outcome"], "approve");
    let run = &tried["request"]["payload"]["run"];
    assert_eq!((&run["id"], &run["link"]), (&json!(id), &json!(id)));
    let answer = &tried["answers"][0]["request"];
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["kind"], "stripe.refund", "{answer}");
    assert_eq!(server.answered(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_asked_for_before_anything_is_decided() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "warden"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!(timeless(&ran.out), @r#"
    accepted 200, as CASE
    POST http://HOST/v1/sources/warden/***

    What was read
      action              countersign.test
      agent               countersign-test
      context.amount      1
      context.sample      true
      requested_at        TIME
      verified.record     false
      verified.signature  false

    What the platform's own record says
      the platform does not list it as pending.
      no platform knows a sample: that it is not listed is as it should be, anything else is worth a look

    What was decided
      escalate (source)
      Left to a person: the platform does not list it as pending.
      all of it: countersign explain CASE

    What would be answered
      a sample is never answered; a request like it would be
      if people approve
      POST http://HOST/api/approvals/SAMPLE/approve
        authorization: Bearer ***
        {"reason":"Approved by NAME: REASON"}
      if people reject
      POST http://HOST/api/approvals/SAMPLE/reject
        authorization: Bearer ***
        {"reason":"Rejected by NAME: REASON"}
    "#);
    assert_eq!(server.answered(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_cannot_be_asked_is_said_to_stand_in_the_way() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "warden-down", "--timeout", "2s"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    for words in [
        "the platform's record of it was not read back within 2s: cannot log in yet: cannot connect to `127.0.0.1:9`",
        "look again with: countersign cases case_",
    ] {
        assert!(ran.err.contains(words), "{ran:?}");
    }
    assert!(
        ran.out.contains("not read back yet") && !ran.out.contains("What was decided"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_finds_ids_elsewhere_is_sent_no_delivery_of_the_platform() {
    let server = Server::start().await;
    // Its config was changed, and it has not been started again.
    server.other_config(|config| {
        let sources = config["sources"].as_array_mut().unwrap();
        let orca = sources.iter_mut().find(|source| source["name"] == "orca");
        orca.unwrap()["fields"]["id"] = json!("/number");
    });
    let body = json!({
        "run": {"id": "run_real", "kind": "stripe.refund", "amount": 50}, "number": 4711, "access_token": "tok_5f0c9a1e77",
        "callback_url": "https://callbacks.example.com/1",
    });
    server.write("own.json", &body.to_string());
    let ran = server.run(&[
        "source",
        "test",
        "orca",
        "-c",
        "other.yaml",
        "--request",
        "own.json",
    ]);
    assert!(
        ran.status == 1 && ran.err.contains("`own.json` was not sent"),
        "{ran:?}"
    );
    assert_eq!((server.cases().len(), server.answered()), (0, 0));

    server.other_config(|config| {
        let sources = config["sources"].as_array_mut().unwrap();
        let orca = sources.iter_mut().find(|source| source["name"] == "orca");
        orca.unwrap()["event"]["id"] = json!("/run/id");
        let sources = config["sources"].as_array_mut().unwrap();
        let orca = sources.iter_mut().find(|source| source["name"] == "orca");
        orca.unwrap()["fields"]["id"] = json!("/number");
    });
    let ran = server.run(&[
        "source",
        "test",
        "orca",
        "-c",
        "other.yaml",
        "--request",
        "own.json",
    ]);
    assert!(
        ran.status == 1 && ran.err.contains("finds the id of a request elsewhere"),
        "{ran:?}"
    );
    let cases = server.cases();
    assert!(
        cases.len() == 1 && cases[0]["mode"] == "dry_run",
        "{cases:?}"
    );
}

#[test]
fn a_sample_can_be_made_for_every_platform_of_the_examples() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/platforms");
    let secret = regex::Regex::new(r"secrets/[a-zA-Z0-9_.-]+").unwrap();
    let source = regex::Regex::new(r"(?m)^  - name: ([a-z]+)$").unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&examples, folder.path());
    std::fs::write(folder.path().join("private.pem"), PRIVATE_KEY).unwrap();
    let mut tried = 0;
    for example in std::fs::read_dir(folder.path()).unwrap() {
        let here = example.unwrap().path();
        let Ok(config) = std::fs::read_to_string(here.join("countersign.yaml")) else {
            continue;
        };
        for path in secret.find_iter(&config) {
            let file = here.join(path.as_str());
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let public = config.contains(&format!("public_keys: [{{file: {}", path.as_str()));
            let text = if public {
                PUBLIC_KEY
            } else {
                "0123456789abcdef0123456789abcdef"
            };
            std::fs::write(file, text).unwrap();
        }
        let name = &source.captures(&config).unwrap()[1];
        // Nobody is there: what is said then is said of a sample that was made, signed, and read by this config.
        let arguments = [
            "source",
            "test",
            name,
            "--key",
            "../private.pem",
            "--url",
            "http://127.0.0.1:9",
        ];
        let mut command = program();
        command
            .args(arguments)
            .current_dir(&here)
            .env("COUNTERSIGN_TOKEN", "t")
            .env("SIDCLAW_WEBHOOK_SECRET", "0123456789abcdef");
        let ran = Ran::of(&command.output().unwrap());
        assert!(
            ran.status == 1
                && ran
                    .err
                    .contains("no countersign answers at http://127.0.0.1:9"),
            "{name}: {ran:?}"
        );
        tried += 1;
    }
    assert!(tried >= 5);
}
