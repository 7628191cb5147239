//! `kill -9` at random moments, again and again, on one database.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::{Load, client, get};
use crate::server::{Server, write_config};
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
        server.kill_amid(life, load.run(&intake, 24)).await;
    }
    let acknowledged = load.acknowledged();
    assert!(
        acknowledged.len() > 1_000,
        "only {} requests were acknowledged in all rounds",
        acknowledged.len()
    );

    let server = Server::start(&config);
    wait_until_answered(&server).await;
    let cases = server.cases().await;
    let named = cases.iter().map(|case| {
        let name = case["request_id"].as_str().unwrap();
        (name.to_owned(), case)
    });
    let cases: HashMap<String, &Value> = named.collect();
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
    server.end_with_a_whole_log(&config);
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
        .await
        .unwrap();
        if page["cases"].as_array().unwrap().is_empty() {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(2),
            "some answers never left: {page}"
        );
    }
}
