//! The real binary under an operator's hands: stopped, started, started twice, reloaded, its log checked.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{
    POLICY, SECRET, VIEWER, answer, client, config, eventually, requested, signature, token, write,
};
use crate::process::{Process, run};
use crate::tracemem::{Behaviour, TraceMem};

/// A folder with a config and policies, for a server in enforce.
fn folder(platform: &TraceMem) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("countersign.yaml"),
        &config("enforce", platform),
    );
    write(
        &folder.path().join("policies/approvals/pay/pay.rego"),
        POLICY,
    );
    folder
}

async fn deliver(process: &Process, event: &Value) -> (u16, Value) {
    let body = event.to_string();
    let request = client()
        .post(format!("{}/v1/sources/tm", process.intake))
        .header("X-TraceMem-Signature", signature(SECRET, body.as_bytes()))
        .body(body);
    answer(request.send().await.unwrap()).await
}

async fn get(process: &Process, path: &str) -> (u16, Value) {
    let request = client()
        .get(format!("{}{path}", process.operators))
        .bearer_auth(VIEWER);
    answer(request.send().await.unwrap()).await
}

async fn readiness(process: &Process) -> u16 {
    let asked = client().get(format!("{}/readyz", process.operators)).send();
    asked.await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_in_flight_and_the_next_start_sends_what_is_left() {
    let platform = TraceMem::start().await;
    let later = vec![("retry-after", "2".to_owned())];
    platform.script(&token(1), [Behaviour::Say(503, json!({}), later)]);
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    assert_eq!(deliver(&process, &requested(1, json!(50))).await.0, 200);
    platform.wait_for(1).await;
    assert_eq!(readiness(&process).await, 200);

    // Half of a delivery is there when the stop comes.
    let body = requested(2, json!(5_000)).to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let mut stream = TcpStream::connect(process.intake.trim_start_matches("http://"))
        .await
        .unwrap();
    let head = format!(
        "POST /v1/sources/tm HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nX-TraceMem-Signature: {}\r\n\r\n{first}",
        body.len(),
        signature(SECRET, body.as_bytes()),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Another one on the same listener, so that the first has surely been taken up.
    assert_eq!(deliver(&process, &requested(3, json!(5_000))).await.0, 200);
    process.signal("TERM");
    eventually("it is not ready any more", async || {
        (readiness(&process).await == 503).then_some(())
    })
    .await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert!(
        told.starts_with("HTTP/1.1 200 OK") && told.contains("accepted"),
        "{told}"
    );
    assert_eq!(process.ended().await, Some(0));

    let process = Process::start(folder.path()).await;
    let (_, page) = get(&process, "/v1/cases?state=open").await;
    let mut open: Vec<_> = page["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["request_id"])
        .collect();
    open.sort_by_key(ToString::to_string);
    assert_eq!(open, ["appr_2", "appr_3"]);
    let received = platform.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    process.signal("INT");
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_file_is_refused() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    let second = run(folder.path(), &["run"]).await;
    assert_eq!(second.status, Some(1), "{second:?}");
    assert!(
        second
            .err
            .contains("countersign.db` is in use by another process")
            && second.err.contains("stop that process or use another file"),
        "{second:?}"
    );
    assert_eq!(readiness(&process).await, 200);
    // And a second one elsewhere that wants the same port.
    let elsewhere = self::folder(&platform);
    let port = process.operators.rsplit(':').next().unwrap().to_owned();
    let text = config("enforce", &platform).replacen(
        "  listen: 127.0.0.1:0",
        &format!("  listen: 127.0.0.1:{port}"),
        1,
    );
    write(&elsewhere.path().join("countersign.yaml"), &text);
    let third = run(elsewhere.path(), &["run"]).await;
    assert_eq!(third.status, Some(1), "{third:?}");
    assert!(
        third
            .err
            .contains(&format!("cannot listen at `127.0.0.1:{port}`")),
        "{third:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_an_error_in_the_log_that_names_no_secret() {
    let platform = TraceMem::start().await;
    let body = json!({"message": format!("bad credential {}", crate::harness::CREDENTIAL)});
    platform.always(Behaviour::Say(401, body, Vec::new()));
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    deliver(&process, &requested(1, json!(50))).await;
    let line = eventually("an error is logged", async || {
        process
            .log()
            .into_iter()
            .find(|line| line["level"] == "ERROR")
    })
    .await;
    let text = line.to_string();
    assert!(
        text.contains("is the credential right and still valid?") && text.contains("outbox retry"),
        "{text}"
    );
    process.signal("TERM");
    let log = process.log();
    process.ended().await;
    let all = Value::from(log).to_string();
    for secret in [crate::harness::CREDENTIAL, SECRET, &token(1)] {
        assert!(!all.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_a_team_that_is_not_there_is_logged_once_for_its_case() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let file = folder.path().join("countersign.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    write(
        &file,
        &format!("{text}teams: [{{name: paymants, groups: [payments]}}]\n"),
    );
    let process = Process::start(folder.path()).await;
    // The second is the same request again.
    deliver(&process, &requested(1, json!(5_000))).await;
    deliver(&process, &requested(1, json!(5_000))).await;
    deliver(&process, &requested(2, json!(50))).await;
    let (_, page) = get(&process, "/v1/cases?state=open").await;
    let id = page["cases"][0]["case_id"].clone();
    let asks = |line: &Value| line.to_string().contains("asks a team that the config");
    let line = eventually("it is logged", async || {
        process.log().into_iter().find(asks)
    })
    .await;
    process.signal("HUP");
    // What is logged after all of it.
    eventually("it looked at the disk", async || {
        let told = |line: &Value| line.to_string().contains("told to reload");
        process.log().iter().any(told).then_some(())
    })
    .await;
    let warned = process.log().into_iter().filter(asks);
    assert_eq!(warned.count(), 1);
    assert_eq!(
        (&line["level"], &line["case.id"], &line["team.name"]),
        (&json!("WARN"), &id, &json!("payments"))
    );
    assert!(
        line["rule.ids"].to_string().contains("approvals."),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_reloads_the_policies_and_a_broken_set_never_serves() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    let (_, before) = get(&process, "/v1/policies").await;
    process.signal("HUP");
    eventually("it looked at the disk", async || {
        let log = process.log();
        let told = |line: &Value| {
            line.to_string()
                .contains("told to reload: the policies on disk are those that serve")
        };
        log.iter().any(told).then_some(())
    })
    .await;

    let file = folder.path().join("policies/approvals/pay/pay.rego");
    write(&file, &POLICY.replace("< 100\n", "< 100 oops\n"));
    process.signal("HUP");
    let refused = eventually("the set on disk is refused", async || {
        let (_, now) = get(&process, "/v1/policies").await;
        now["error"].is_string().then_some(now)
    })
    .await;
    assert_eq!(refused["live"], before["live"]);
    let verbose = client()
        .get(format!("{}/readyz?verbose", process.operators))
        .send()
        .await
        .unwrap();
    assert_eq!(verbose.status(), 200, "the old set serves");
    let verbose = verbose.text().await.unwrap();
    assert!(
        verbose.contains("[-]policies on disk refused") && verbose.contains("pay.rego"),
        "{verbose}"
    );

    write(&file, &POLICY.replace("< 100\n", "< 200\n"));
    process.signal("HUP");
    eventually("the mended set serves", async || {
        let (_, now) = get(&process, "/v1/policies").await;
        (now["live"] != before["live"]).then_some(())
    })
    .await;
    deliver(&process, &requested(1, json!(150))).await;
    assert_eq!(
        platform.wait_for(1).await[0].json()["resolution"],
        "approved"
    );
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_says_what_somebody_should_look_at() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let text = config("enforce", &platform).replacen(
        "    kind: tracemem\n",
        "    kind: tracemem\n    credential_expires: 2026-01-01\n",
        1,
    );
    write(&folder.path().join("countersign.yaml"), &text);
    let process = Process::start(folder.path()).await;
    let asked = client()
        .get(format!("{}/readyz?verbose", process.operators))
        .send()
        .await
        .unwrap();
    let text = asked.text().await.unwrap();
    for line in [
        "[+]serving ok",
        "[+]store ok",
        "[+]policies ok",
        "[+]approvals ok: not frozen",
        "[+]outbox ok: 0 due, none given up; 0 cases open",
        "[-]credential of source tm expired at 2026-01-01",
        "readyz check passed",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_intact_until_somebody_changes_the_file() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    for (number, amount) in [(1, 50), (2, 20_000), (3, 5_000)] {
        deliver(&process, &requested(number, json!(amount))).await;
    }
    platform.wait_for(2).await;
    let beside = run(folder.path(), &["log", "verify"]).await;
    assert_eq!(
        beside.status,
        Some(0),
        "beside the running server: {beside:?}"
    );
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
    let intact = run(folder.path(), &["log", "verify", "--format", "json"]).await;
    assert_eq!(intact.status, Some(0), "{intact:?}");
    let report: Value = serde_json::from_str(&intact.out).unwrap();
    assert_eq!(
        (&report["intact"], &report["faults"]),
        (&json!(true), &json!([]))
    );

    for (what, change) in [
        (
            "an outcome",
            "UPDATE cases SET outcome = 'approve' WHERE request = 'appr_3'",
        ),
        ("an entry", "DELETE FROM log WHERE sequence = 3"),
        (
            "the tail",
            "DELETE FROM log WHERE sequence = (SELECT MAX(sequence) FROM log)",
        ),
    ] {
        let copy = tempfile::tempdir().unwrap();
        for name in ["countersign.yaml", "countersign.db", "countersign.db.key"] {
            std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        tamper(&copy.path().join("countersign.db"), change);
        let found = run(copy.path(), &["log", "verify"]).await;
        assert_eq!(found.status, Some(2), "{what}: {found:?}");
    }
}

fn tamper(database: &Path, change: &str) {
    let connection = rusqlite::Connection::open(database).unwrap();
    assert!(connection.execute(change, []).unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_no_decision() {
    let platform = TraceMem::start().await;
    let folder = folder(&platform);
    let process = Process::start(folder.path()).await;
    process.look_away();
    // Far more than a pipe holds: each decision's line repeats the message.
    for number in 0..300 {
        let mut event = requested(number, json!(50));
        event["message"] = Value::from("m".repeat(2_000));
        let (status, told) = deliver(&process, &event).await;
        assert_eq!((status, told["status"].as_str()), (200, Some("accepted")));
    }
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
}
