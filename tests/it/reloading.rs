//! Every way in which a policy directory changes, and what serves meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign::domain::id::CaseId;
use countersign::policy::folder::PolicyFiles;
use countersign::policy::watch::Reloaded;
use countersign::policy::{Budget, Input, PolicySet, decide};
use serde_json::{Value, json};

use crate::harness::{ADMIN, AGENT, Countersign, config, eventually, write};
use crate::process::Process;
use crate::tracemem::TraceMem;

const BROKEN: &str = "package approvals.pay\n\napprove contains \"x\" if {\n";

/// Approves payments under `limit`, rejects the others.
fn up_to(limit: u32) -> String {
    format!(
        "package approvals.pay\n\n\
         approve contains \"under {limit}\" if {{\n\tinput.action == \"pay\"\n\tinput.context.amount < {limit}\n}}\n\n\
         reject contains \"not under {limit}\" if {{\n\tinput.action == \"pay\"\n\tinput.context.amount >= {limit}\n}}\n"
    )
}

async fn server() -> Countersign {
    let platform = TraceMem::start().await;
    let text = up_to(10);
    Countersign::start_with(&config("enforce", &platform), &[("pay.rego", &text)]).await
}

/// Waits until the directory serves, and asks with an amount that only a limit above it approves.
async fn serves(server: &Countersign, limit: u32) {
    eventually(
        &format!("payments under {limit} are approved"),
        async || {
            let rules = live_limit(server).await;
            (rules == Some(limit)).then_some(())
        },
    )
    .await;
}

/// The limit of the set that decides now, as a decision shows it.
async fn live_limit(server: &Countersign) -> Option<u32> {
    let key = uuid();
    let body = json!({"action": "pay", "context": {"amount": 1}});
    let (_, told) = server.ask(AGENT, &key, &body).await;
    let rationale = told["rationale"].as_str()?;
    let digits = rationale.split("under ").nth(1)?;
    digits.trim_end_matches('.').parse().ok()
}

fn uuid() -> String {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until what is on disk is refused, and checks what is told of it while the old set goes on.
async fn refused(server: &Countersign, limit: u32) {
    let told = eventually("what is on disk is refused", async || {
        let (_, told) = server.get("/v1/policies").await;
        told["error"].is_string().then_some(told)
    })
    .await;
    assert_ne!(told["live"], told["disk"]);
    let error = told["error"].as_str().unwrap();
    assert!(
        error.contains("pay.rego:") && error.contains("error[P"),
        "{error}"
    );
    let ready = server.client.get(server.operators("/readyz")).send().await;
    assert_eq!(ready.unwrap().status(), 200);
    let verbose = server.readiness().await;
    assert!(verbose.contains("pay.rego"), "{verbose}");
    assert_eq!(live_limit(server).await, Some(limit));
}

async fn well(server: &Countersign) {
    let (_, told) = server.get("/v1/policies").await;
    assert_eq!(told["live"], told["disk"], "{told}");
    assert_eq!(told["error"], Value::Null);
    let verbose = server.readiness().await;
    assert!(!verbose.contains("pay.rego"), "{verbose}");
}

/// Replaces the file at once, as editors do.
fn rename_over(server: &Countersign, text: &str) {
    let draft = server.folder.path().join("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, server.folder.path().join("policies/pay.rego")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_that_renames_over_the_file_changes_what_serves() {
    let server = server().await;
    serves(&server, 10).await;
    for limit in [20, 30] {
        rename_over(&server, &up_to(limit));
        serves(&server, limit).await;
        well(&server).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_file_never_serves_and_the_whole_one_does() {
    let server = server().await;
    let whole = up_to(20);
    let (first, second) = whole.split_at(whole.len() - 5);
    fs::write(server.folder.path().join("policies/pay.rego"), first).unwrap();
    refused(&server, 10).await;
    fs::write(
        server.folder.path().join("policies/pay.rego"),
        format!("{first}{second}"),
    )
    .unwrap();
    serves(&server, 20).await;
    well(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_set_is_named_until_it_is_mended() {
    let server = server().await;
    rename_over(&server, BROKEN);
    refused(&server, 10).await;
    let (status, told) = server
        .call("POST", "/v1/policies/reload", ADMIN, None)
        .await;
    assert!((400..500).contains(&status), "{told}");
    assert!(
        told["error"].as_str().unwrap().contains("pay.rego:"),
        "{told}"
    );
    refused(&server, 10).await;
    rename_over(&server, &up_to(20));
    serves(&server, 20).await;
    well(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_deleted_and_made_again_serves_again() {
    let server = server().await;
    for limit in [20, 30] {
        fs::remove_dir_all(server.folder.path().join("policies")).unwrap();
        eventually("the missing directory is told of", async || {
            let (_, told) = server.get("/v1/policies").await;
            told["error"].is_string().then_some(())
        })
        .await;
        let before = if limit == 20 { 10 } else { 20 };
        assert_eq!(live_limit(&server).await, Some(before));
        write(
            &server.folder.path().join("policies/pay.rego"),
            &up_to(limit),
        );
        serves(&server, limit).await;
        well(&server).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_serves_after_each_of_its_swaps() {
    let platform = TraceMem::start().await;
    let server =
        Countersign::start_with(&config("enforce", &platform), &[("pay.rego", &up_to(10))]).await;
    let folder = server.folder.path().join("policies");
    fs::remove_file(folder.join("pay.rego")).unwrap();
    mount(&folder, 1, &up_to(20));
    symlink("..data/pay.rego", folder.join("pay.rego")).unwrap();
    serves(&server, 20).await;
    for (number, limit) in [(2, 30), (3, 40)] {
        mount(&folder, number, &up_to(limit));
        fs::remove_dir_all(folder.join(format!("..2026_{}", number - 1))).unwrap();
        serves(&server, limit).await;
        well(&server).await;
    }
    mount(&folder, 4, BROKEN);
    refused(&server, 40).await;
    mount(&folder, 5, &up_to(50));
    serves(&server, 50).await;
    server.stop().await;
}

/// Writes a ConfigMap's files as the kubelet does: a folder of their own, then one rename of `..data`.
fn mount(folder: &Path, number: u32, text: &str) {
    let data = format!("..2026_{number}");
    write(&folder.join(&data).join("pay.rego"), text);
    symlink(&data, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_is_asked_for_is_done_when_it_is_answered() {
    let server = server().await;
    for limit in [20, 30] {
        rename_over(&server, &up_to(limit));
        let (status, told) = server
            .call("POST", "/v1/policies/reload", ADMIN, None)
            .await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(told["live"], told["disk"]);
        assert_eq!(live_limit(&server).await, Some(limit));
    }
    let (_, told) = server
        .call("POST", "/v1/policies/reload", ADMIN, None)
        .await;
    assert_eq!(told["result"], "unchanged");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_makes_the_real_binary_read_its_policies() {
    let platform = TraceMem::start().await;
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("countersign.yaml"),
        &config("enforce", &platform),
    );
    write(&folder.path().join("policies/pay.rego"), BROKEN);
    write(&folder.path().join("policies/pay.rego"), &up_to(10));
    let process = Process::start(folder.path()).await;
    let client = crate::harness::client();
    let policies = async || {
        let asked = client
            .get(format!("{}/v1/policies", process.operators))
            .bearer_auth(ADMIN);
        crate::harness::answer(asked.send().await.unwrap()).await.1
    };
    let first = policies().await;
    fs::write(folder.path().join("policies/pay.rego"), up_to(20)).unwrap();
    process.signal("HUP");
    let second = eventually("another set serves", async || {
        let told = policies().await;
        (told["live"] != first["live"]).then_some(told)
    })
    .await;
    assert_eq!(second["live"], second["disk"]);
    fs::write(folder.path().join("policies/pay.rego"), BROKEN).unwrap();
    process.signal("HUP");
    let third = eventually("what is on disk is refused", async || {
        let told = policies().await;
        told["error"].is_string().then_some(told)
    })
    .await;
    assert_eq!(third["live"], second["live"]);
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0));
}

/// One decision as an agent heard it.
struct Heard {
    case: CaseId,
    amount: u32,
    outcome: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_reloads_under_load_lose_nothing_and_every_decision_comes_out_the_same_again() {
    let server = Arc::new(server().await);
    let done = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..4_u32)
        .map(|asker| {
            let (server, done) = (Arc::clone(&server), Arc::clone(&done));
            crate::harness::spawn(async move {
                let mut heard = Vec::new();
                for number in 0_u32.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let amount = number % 50;
                    let body = json!({"action": "pay", "context": {"amount": amount}});
                    let (status, told) =
                        server.ask(AGENT, &format!("{asker}-{number}"), &body).await;
                    assert_eq!(status, 200, "{told}");
                    heard.push(Heard {
                        case: CaseId::parse(told["case_id"].as_str().unwrap()).unwrap(),
                        amount,
                        outcome: told["outcome"].as_str().unwrap().to_owned(),
                    });
                }
                heard
            })
        })
        .collect();

    let policies = Arc::clone(server.flow.policies());
    let limits = [20, 30, 40];
    let mut refusals = 0;
    for (turn, limit) in (0..1_000).zip(limits.into_iter().cycle()) {
        let is_broken = turn % 10 == 9;
        rename_over(
            &server,
            &if is_broken {
                BROKEN.to_owned()
            } else {
                up_to(limit)
            },
        );
        let reloaded = policies.reload(server.flow.clock().now()).await;
        if is_broken {
            assert!(matches!(reloaded, Reloaded::Refused(_)), "{reloaded:?}");
            refusals += 1;
        } else {
            // The server itself may have been faster.
            assert!(!matches!(reloaded, Reloaded::Refused(_)), "{reloaded:?}");
            assert_eq!(
                policies.status().disk.as_ref(),
                Some(policies.current().revision())
            );
        }
    }
    done.store(true, Ordering::Relaxed);
    assert_eq!(refusals, 100);
    assert!(policies.status().swaps > 800, "{}", policies.status().swaps);

    let mut heard = Vec::new();
    for asker in askers {
        heard.extend(asker.await.unwrap());
    }
    let mut sets: BTreeMap<String, (PolicySet, u32)> = BTreeMap::new();
    for heard in &heard {
        let file = server.flow.store().case(heard.case).await.unwrap().unwrap();
        let revision = file.case.verdict.revision.as_str().to_owned();
        if !sets.contains_key(&revision) {
            let stored = server.flow.store().set(&revision).await.unwrap();
            let files = PolicyFiles::from_stored(&stored.unwrap().files).unwrap();
            let text = &files.rego[0].text;
            let limit = [10, 20, 30, 40]
                .into_iter()
                .find(|&limit| **text == up_to(limit));
            let budget = Budget {
                time: Duration::from_secs(10),
                ..Budget::default()
            };
            let set = PolicySet::load(files, budget).unwrap().set;
            sets.insert(revision.clone(), (set, limit.unwrap()));
        }
        let (set, limit) = &sets[&revision];
        let expected = if heard.amount < *limit {
            "approve"
        } else {
            "reject"
        };
        assert_eq!(heard.outcome, expected);
        let input = file.input.unwrap();
        let now = serde_json::from_str::<Value>(&input).unwrap()["now"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let again = decide(set, &Input::parse(&input).unwrap(), now);
        assert_eq!(
            serde_json::to_string(&again).unwrap(),
            serde_json::to_string(&file.case.verdict).unwrap()
        );
    }
    assert_eq!(
        sets.len(),
        4,
        "every set decided something: {:?}",
        sets.keys()
    );
    assert!(heard.len() > 500, "{}", heard.len());
}
