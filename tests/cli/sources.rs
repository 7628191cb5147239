//! `countersign source`: the platform's side of a source, against a real server.

mod server;

mod described;

use serde_json::{Value, json};

use crate::desk::{Ran, program};
use server::{AWKWARD, PRIVATE_KEY, PUBLIC_KEY, SIGNING, Server, delivery, shell, timeless};

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_shows_what_was_read_decided_and_would_be_answered() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "refunds"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!(timeless(&ran.out), @r#"
    accepted 200, as CASE
    POST http://HOST/v1/sources/refunds

    What was read
      action                   countersign.test
      agent                    countersign-test
      context.amount           1
      context.sample           true
      title (agent's words)    A sample
      message (agent's words)  An operator tries out this source. Nobody waits for an answer.
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
      POST http://HOST/v1/webhooks/approvals/respond
        authorization: Bearer ***
        content-type: application/json
        accept: application/json
        user-agent: countersign/VERSION
        idempotency-key: CASE_approved
        {"token":"***","resolution":"approved","rationale":"Approved by NAME: REASON"}
      if people reject
      POST http://HOST/v1/webhooks/approvals/respond
        authorization: Bearer ***
        content-type: application/json
        accept: application/json
        user-agent: countersign/VERSION
        idempotency-key: CASE_rejected
        {"token":"***","resolution":"rejected","rationale":"Rejected by NAME: REASON"}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_never_answered_even_where_the_source_enforces() {
    let server = Server::start().await;
    for (action, outcome, ballot) in [
        ("stripe.refund", "approve", "approve"),
        ("db.drop", "reject", "reject"),
    ] {
        server.write("own.json", &delivery("appr_1", action, 50));
        let arguments = [
            "source",
            "test",
            "refunds",
            "--request",
            "own.json",
            "--format",
            "json",
        ];
        let tried = server.run(&arguments).json();
        let verdict = &tried["verdict"];
        assert_eq!(verdict["outcome"], outcome, "{tried}");
        assert_eq!(
            (
                &verdict["mode"],
                &verdict["state"],
                &verdict["resolution"]["answer"]
            ),
            (&json!("dry_run"), &json!("resolved"), &json!("none"))
        );
        let answers = tried["answers"].as_array().unwrap();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["vote"], ballot);
        let would = &answers[0]["request"];
        assert_eq!(would["headers"]["authorization"], "Bearer ***");
        let body: Value = serde_json::from_str(would["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["token"], "***");
    }
    let effects = server.run(&["outbox", "--format", "json"]).json();
    let due: Vec<&Value> = effects["effects"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|effect| effect["state"] != "would")
        .collect();
    assert_eq!((due, server.answered()), (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_ones_own_cannot_name_a_real_request() {
    let server = Server::start().await;
    server.write("own.json", &delivery("appr_real", "stripe.refund", 50));
    let arguments = ["source", "test", "refunds", "--request", "own.json"];
    let ran = server.run(&arguments);
    assert_eq!(ran.status, 0, "{ran:?}");
    let cases = server.cases();
    assert_eq!(cases.len(), 1);
    let id = cases[0]["request_id"].as_str().unwrap();
    assert!(id.starts_with("countersign-test-"), "{id}");

    let resolved =
        json!({"event": "approval.resolved", "approval_id": "appr_real", "status": "approved"});
    server.write("own.json", &resolved.to_string());
    let ran = server.run(&arguments);
    assert!(
        ran.status == 1 && ran.err.contains("tells how request `appr_real` ended"),
        "{ran:?}"
    );
    server.write(
        "own.json",
        r#"{"event": "approval.viewed", "approval_id": "appr_real"}"#,
    );
    let ran = server.run(&arguments);
    assert!(
        ran.status == 1 && ran.err.contains("event `approval.viewed`"),
        "{ran:?}"
    );
    server.write("own.json", r#"{"event": "approval.requested"}"#);
    let ran = server.run(&arguments);
    assert!(
        ran.status == 1 && ran.err.contains("`token` must be a string"),
        "{ran:?}"
    );
    server.write("own.json", "[1]");
    let ran = server.run(&arguments);
    assert!(
        ran.status == 1 && ran.err.contains("it is not a JSON object"),
        "{ran:?}"
    );
    assert_eq!((server.cases().len(), server.answered()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_s_sample_is_decided_for_the_agent_and_told_to_nobody() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "agents"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{ran:?}");
    insta::assert_snapshot!(timeless(&ran.out), @r#"
    accepted 200, as CASE
    POST http://HOST/v1/requests

    What was read
      action                   countersign.test
      agent                    billing-bot
      context.amount           1
      context.sample           true
      title (agent's words)    A sample
      message (agent's words)  An operator tries out this source. Nobody waits for an answer.
      expires_at               TIME
      verified.record          false
      verified.signature       true

    What was decided
      escalate (no_rule)
      Left to a person: no rule of policy REVISION matched.
      all of it: countersign explain CASE

    What would be answered
      nothing is sent: the agent fetches its verdict at GET /v1/requests/CASE
    "#);
    server.write(
        "own.json",
        r#"{"action": "stripe.refund", "context": {"amount": 50}}"#,
    );
    let arguments = [
        "source",
        "test",
        "agents",
        "--request",
        "own.json",
        "--format",
        "json",
    ];
    let tried = server.run(&arguments).json();
    assert_eq!(tried["verdict"]["outcome"], "approve", "an id is given");
    assert_eq!(tried["verdict"]["mode"], "dry_run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_says_which_check_failed() {
    let server = Server::start().await;
    let other = ["source", "test", "refunds", "-c", "other.yaml"];
    server.other_config(|config| {
        config["sources"][0]["verify"][0]["hmac"]["secrets"] = json!(["another-secret-0123456789"]);
    });
    let ran = server.run(&other);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
    for words in [
        "countersign answered 401 unverified",
        "it counted `signature_wrong`: the secret is another one",
        "the server's log says more under `req_",
    ] {
        assert!(ran.err.contains(words), "{ran:?}");
    }
    server.other_config(|config| {
        config["sources"][0]["verify"][0]["hmac"]["timestamp_header"] = json!("X-Time");
    });
    let ran = server.run(&other);
    assert!(
        ran.err.contains("it counted `timestamp_missing`"),
        "{ran:?}"
    );

    server.other_config(|config| {
        config["sources"]
            .as_array_mut()
            .unwrap()
            .last_mut()
            .unwrap()["tokens"][0]["token"] = json!("token-of-nobody-0123456789");
    });
    let ran = server.run(&["source", "test", "agents", "-c", "other.yaml"]);
    assert!(
        ran.status == 1 && ran.err.contains("the token is not known"),
        "{ran:?}"
    );
    for secret in [SIGNING, "another-secret", "token-of-nobody"] {
        assert!(!ran.err.contains(secret));
    }
    assert_eq!(server.cases().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_no_such_source_or_is_not_there_is_said_to() {
    let server = Server::start().await;
    let none = server.run(&["source", "test", "payouts"]);
    assert!(
        none.status == 1
            && none.err.contains("there is no source `payouts`; the config has `refunds`, `awkward`, `grid`, `orca`, `warden`, `warden-down`, `agents`"),
        "{none:?}"
    );
    server.other_config(|config| config["sources"][0]["name"] = json!("payouts"));
    let unknown = server.run(&["source", "test", "payouts", "-c", "other.yaml"]);
    assert!(
        unknown.status == 1
            && unknown.err.contains("404 unknown_source")
            && unknown
                .err
                .contains("does it run on a config with `payouts`?"),
        "{unknown:?}"
    );
    let operators = format!("http://{}", server.operators);
    let wrong = server.run(&["source", "test", "refunds", "--deliver-to", &operators]);
    assert!(
        wrong.status == 1 && wrong.err.contains("it has no source there"),
        "{wrong:?}"
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gone = server.run(&["source", "test", "refunds", "--deliver-to", &nobody]);
    assert!(
        gone.status == 1
            && gone.err.contains(&format!(
                "no countersign answers at {nobody}/v1/sources/refunds"
            )),
        "{gone:?}"
    );
    let unseen = server.run(&["source", "test", "refunds", "--url", &nobody]);
    assert!(
        unseen.status == 1
            && unseen
                .err
                .contains(&format!("no countersign answers at {nobody}")),
        "{unseen:?}"
    );
    let stranger = server.run(&["source", "test", "refunds", "--token", "nobody"]);
    assert!(
        stranger.status == 1 && stranger.err.contains("does not know this token"),
        "{stranger:?}"
    );
    let port = Ran::of(
        &program()
            .args(["source", "sign", "refunds", "countersign.yaml"])
            .current_dir(server.folder.path())
            .output()
            .unwrap(),
    );
    assert!(
        port.status == 1 && port.err.contains("say which it is with --deliver-to"),
        "{port:?}"
    );
    assert_eq!(server.cases().len(), 0, "nothing was delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_curl_line_is_accepted_by_the_server() {
    let server = Server::start().await;
    server.write(
        "a file's name.json",
        &delivery("appr_1", "stripe.payout", 50),
    );
    for (source, file) in [
        ("refunds", "a file's name.json"),
        ("awkward", "a file's name.json"),
    ] {
        let signed = server.sign(&["source", "sign", source, file]);
        assert_eq!(signed.status, 0, "{signed:?}");
        assert_eq!(signed.out.lines().count(), 1, "{signed:?}");
        let sent = shell(&server, &signed.out);
        let said: Value = serde_json::from_slice(&sent.stdout)
            .unwrap_or_else(|error| panic!("{error}: {sent:?} for {}", signed.out));
        assert_eq!(said["status"], "accepted", "{said}");
        assert!(
            signed
                .err
                .contains("request `appr_1` is decided and answered for real"),
            "{signed:?}"
        );
    }
    server.write(
        "ask.json",
        r#"{"id": "1", "action": "stripe.refund", "context": {"amount": 5}}"#,
    );
    let signed = server.sign(&["source", "sign", "agents", "ask.json"]);
    let sent = shell(&server, &signed.out);
    let said: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!(said["outcome"], "approve");
    assert!(
        signed
            .err
            .contains("holds a secret in the clear (the header `authorization`)"),
        "{signed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_comes_as_json_too_with_the_secrets_named() {
    let server = Server::start().await;
    server.write(
        "own.json",
        &delivery("countersign-test-1", "stripe.refund", 50),
    );
    let signed = server.sign(&["source", "sign", "awkward", "own.json", "--format", "json"]);
    let line = signed.json();
    assert_eq!(
        (&line["method"], &line["body_file"]),
        (&json!("POST"), &json!("own.json"))
    );
    let headers = line["headers"].as_object().unwrap();
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "content-type",
            "x-secret",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "user-agent"
        ]
    );
    assert_eq!(headers["x-secret"], AWKWARD);
    assert!(
        signed
            .err
            .contains("(the header `x-secret`, the end of the path)"),
        "{signed:?}"
    );
    assert!(
        !signed.err.contains("for real"),
        "a sample is none: {signed:?}"
    );

    server.write("bad.json", r#"{"event": "approval.requested"}"#);
    let bad = server.sign(&["source", "sign", "refunds", "bad.json"]);
    assert!(
        bad.status == 0 && bad.err.contains("this will be refused"),
        "{bad:?}"
    );
    let gone = server.sign(&["source", "sign", "refunds", "gone.json"]);
    assert!(
        gone.status == 1 && gone.err.contains("`gone.json` cannot be read"),
        "{gone:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_path_is_not_shown() {
    let server = Server::start().await;
    let ran = server.run(&["source", "test", "awkward"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.out.contains("/hooks/awkward/***"), "{ran:?}");
    assert!(
        !ran.out.contains("HOME") && !ran.err.contains("HOME"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_platform_can_sign_takes_a_key_of_ones_own() {
    let server = Server::start().await;
    let without = server.run(&["source", "test", "grid"]);
    assert!(
        without.status == 1
            && without.err.contains("takes the platform's private key")
            && without.err.contains("--key"),
        "{without:?}"
    );
    server.write("private.pem", PRIVATE_KEY);
    let with = server.run(&["source", "test", "grid", "--key", "private.pem"]);
    assert_eq!((with.status, with.err.as_str()), (0, ""), "{with:?}");
    server.write("own.json", &delivery("appr_1", "stripe.payout", 50));
    let signed = server.sign(&["source", "sign", "grid", "own.json", "--key", "private.pem"]);
    let sent = shell(&server, &signed.out);
    let said: Value = serde_json::from_slice(&sent.stdout).unwrap();
    assert_eq!(said["status"], "accepted");

    server.write("public.pem", PUBLIC_KEY);
    let wrong = server.run(&["source", "test", "grid", "--key", "public.pem"]);
    assert!(
        wrong.status == 1 && wrong.err.contains("no private key for ECDSA on P-256"),
        "{wrong:?}"
    );
    for told in [&without, &with, &wrong, &signed] {
        assert!(!told.err.contains("PRIVATE KEY-----\nM") && !told.out.contains("PRIVATE"));
    }
}
