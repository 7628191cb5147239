//! `kill -9` at random moments, again and again, on one database.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::{Load, client};
use crate::server::{OPERATOR, Server, write_config};
use crate::tracemem::TraceMem;

const ROUNDS: u32 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn after_fifty_kills_nothing_acknowledged_is_lost_and_nothing_was_answered_two_ways() {
    let folder = tempfile::tempdir().unwrap();
    let platform = TraceMem::start().await;
    let config = write_config(
        folder.path(),
        &folder.path().join("countersign.db"),
        &platform.url(),
    );
    let load = Load::default();
    let mut chance = fastrand::Rng::with_seed(7);
    for _ in 0..ROUNDS {
        let mut server = Server::start(&config);
        let life = Duration::from_millis(chance.u64(5..250));
        let intake = server.intake.clone();
        let killer = async {
            tokio::time::sleep(life).await;
            server.kill();
        };
        tokio::join!(load.run(&intake, 24), killer);
    }
    let acknowledged = load.acknowledged();
    assert!(
        acknowledged.len() > 1_000,
        "only {} requests were acknowledged in all rounds",
        acknowledged.len()
    );

    let mut server = Server::start(&config);
    wait_until_answered(&server).await;
    let cases = all_cases(&server).await;
    for (approval, case) in &acknowledged {
        let found = cases
            .get(approval)
            .unwrap_or_else(|| panic!("{approval} was acknowledged and is gone"));
        assert_eq!(
            found["case_id"],
            Value::String(case.clone()),
            "{approval} has another case"
        );
    }
    for (approval, case) in &cases {
        let number: u64 = approval.trim_start_matches("appr_").parse().unwrap();
        let expected = if number.is_multiple_of(2) {
            "approved"
        } else {
            "rejected"
        };
        assert_eq!(case["resolution"]["outcome"], expected, "{approval}");
        assert_eq!(case["resolution"]["answer"], "settled", "{approval}");
        assert_eq!(
            platform.resolution(&format!("token-{number}")).as_deref(),
            Some(expected),
            "{approval}"
        );
    }
    assert_eq!(platform.contradictions(), 0);
    let mut first_bytes = HashMap::new();
    for answer in platform.received() {
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let first = first_bytes
            .entry(token.clone())
            .or_insert_with(|| answer.body.clone());
        assert_eq!(
            *first, answer.body,
            "{token} was answered with other bytes the second time"
        );
    }
    assert_eq!(server.terminate(), Some(0));
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["log", "verify", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}

/// Waits until no case is on its way to the platform any more.
async fn wait_until_answered(server: &Server) {
    let begun = Instant::now();
    let client = client();
    loop {
        let page = get(
            &client,
            &format!("{}/v1/cases?state=answering&limit=1", server.operators),
        )
        .await;
        if page["cases"].as_array().unwrap().is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(2),
            "some answers never left: {page}"
        );
    }
}

async fn all_cases(server: &Server) -> HashMap<String, Value> {
    let client = client();
    let mut cases = HashMap::new();
    let mut cursor = String::new();
    loop {
        let page = get(
            &client,
            &format!("{}/v1/cases?limit=500{cursor}", server.operators),
        )
        .await;
        for case in page["cases"].as_array().unwrap() {
            cases.insert(
                case["request_id"].as_str().unwrap().to_owned(),
                case.clone(),
            );
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return cases,
        }
    }
}

async fn get(client: &reqwest::Client, url: &str) -> Value {
    let response = client.get(url).bearer_auth(OPERATOR).send().await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}
