//! The process dies between the webhook and the record.

use serde_json::Value;

use super::office::POLICY;
use super::platform::deliver;
use super::{AgentWarden, Behaviour, Endpoint, HOOK_SECRET, Office, config, id, pending, record};
use crate::harness::{VIEWER, answer, client, eventually, write};
use crate::process::Process;
use serde_json::json;

/// The case as the server in `process` shows it.
async fn verdict(process: &Process, case: &str) -> Value {
    let asked = client()
        .get(format!("{}/v1/cases/{case}", process.operators))
        .bearer_auth(VIEWER);
    let (status, file) = answer(asked.send().await.unwrap()).await;
    assert_eq!(status, 200, "{file}");
    file["verdict"].clone()
}

/// A folder with a config and policies, for a server in enforce.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("countersign.yaml"), text);
    write(
        &folder.path().join("policies/approvals/pay/pay.rego"),
        POLICY,
    );
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_killed_between_the_webhook_and_the_record_is_confirmed_and_answered_once() {
    let platform = AgentWarden::start().await;
    let folder = folder(&config("enforce", &platform.url()));
    for (number, killed_at) in [
        (1, Endpoint::Login),
        (2, Endpoint::Logs),
        (3, Endpoint::Approve),
    ] {
        let before = platform.calls(killed_at).len();
        platform.always(killed_at, Behaviour::Hang);
        let process = Process::start(folder.path()).await;
        let hook = format!("{}/v1/sources/warden/{HOOK_SECRET}", process.intake);
        let record = record(number, &json!(50));
        platform.state().records.push(record.clone());
        let (status, told) = deliver(&hook, pending(&record).to_string()).await;
        assert_eq!((status, &told["status"]), (200, &json!("accepted")));
        let case = told["case_id"].as_str().unwrap().to_owned();
        platform.wait_for(killed_at, before + 1).await;
        process.signal("KILL");
        assert_eq!(process.ended().await, None);

        platform.recover();
        let process = Process::start(folder.path()).await;
        let settled = eventually("the answer is settled", async || {
            let verdict = verdict(&process, &case).await;
            (verdict["resolution"]["answer"] == "settled").then_some(verdict)
        })
        .await;
        assert_eq!(
            settled["resolution"]["outcome"], "approved",
            "{killed_at:?}"
        );
        process.signal("TERM");
        assert_eq!(process.ended().await, Some(0));
        assert_eq!(platform.status_of(&id(number)), "success");
        assert!(platform.state().answered_again.is_empty());
    }
    let ran = crate::process::run(folder.path(), &["log", "verify"]).await;
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_changed_while_the_process_was_away_is_left_to_people() {
    let platform = AgentWarden::start().await;
    let folder = folder(&config("enforce", &platform.url()));
    platform.always(Endpoint::Logs, Behaviour::Hang);
    let process = Process::start(folder.path()).await;
    let hook = format!("{}/v1/sources/warden/{HOOK_SECRET}", process.intake);
    let record = record(1, &json!(50));
    platform.state().records.push(record.clone());
    let (_, told) = deliver(&hook, pending(&record).to_string()).await;
    let case = told["case_id"].as_str().unwrap().to_owned();
    platform.wait_for(Endpoint::Logs, 1).await;
    process.signal("KILL");
    process.ended().await;
    platform.change(&id(1), |record| record["context"]["amount"] = json!(99));
    platform.recover();
    let process = Process::start(folder.path()).await;
    let open = eventually("people are asked", async || {
        let verdict = verdict(&process, &case).await;
        (verdict["state"] == "open").then_some(verdict)
    })
    .await;
    assert_eq!(open["cause"], "source", "{open}");
    assert_eq!(platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_waits_when_its_source_no_longer_reads_back_is_left_to_people() {
    let office = Office::open().await;
    office.platform.always(Endpoint::Logs, Behaviour::Hang);
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Logs, 1).await;
    let text = config("enforce", &office.platform.url());
    let gone = text.split("  - name: warden").next().unwrap().to_owned()
        + "  - name: agents\n    kind: http\n    tokens: [{agent: billing-bot, token: agent-token-of-billing-bot-0123456789}]\n";
    let server = office.server.restart_with(&gone).await;
    let verdict = server
        .case_when(&case, |verdict| verdict["state"] != "received")
        .await["verdict"]
        .clone();
    assert_eq!(verdict["outcome"], "escalate", "{verdict}");
    assert_eq!(office.platform.answers(), [""; 0]);
}
