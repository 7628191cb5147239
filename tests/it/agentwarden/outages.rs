//! The platform's API is away, slow or talks nonsense: the request waits for it, and then for people.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use super::{
    AgentWarden, Behaviour, Endpoint, Office, config, id, pending, record, say, with_line,
};
use crate::harness::{Countersign, eventually};
use crate::tracemem::TraceMem;

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_is_waited_for_and_then_people_are_asked() {
    let address = TraceMem::nowhere().await;
    let config = config("enforce", &format!("http://{address}"));
    let config = with_line(&config, "confirm: {within: 2s}");
    let policies = [("approvals/pay/pay.rego", super::office::POLICY)];
    let server = Countersign::start_with(&config, &policies).await;
    let hook = server.intake(&format!("/v1/sources/warden/{}", super::HOOK_SECRET));
    let record = record(1, &json!(50));
    let begun = Instant::now();
    let (status, told) = super::platform::deliver(&hook, pending(&record).to_string()).await;
    assert_eq!((status, &told["status"]), (200, &json!("accepted")));
    let case = told["case_id"].as_str().unwrap();
    assert_eq!(server.case(case).await["verdict"]["state"], "received");
    let file = server
        .case_when(case, |verdict| verdict["state"] == "open")
        .await;
    assert!(
        begun.elapsed() >= Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let verdict = &file["verdict"];
    assert_eq!(
        (&verdict["outcome"], &verdict["cause"]),
        (&json!("escalate"), &json!("source"))
    );
    let timeline = file["timeline"].to_string();
    assert!(timeline.contains("cannot connect"), "{file}");

    // An API that is back later changes nothing: it is people's question now.
    let platform = AgentWarden::start_at(address).await;
    platform.state().records.push(record);
    let server = server.restart().await;
    eventually("nothing is left to do", async || {
        server.outbox().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(server.case(case).await["verdict"]["state"], "open");
    assert_eq!(platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_back_in_time_is_asked_again() {
    let office = Office::open().await;
    office
        .platform
        .script(Endpoint::Logs, [say(500), say(503), Behaviour::Hang]);
    office.platform.script(Endpoint::Login, [say(502)]);
    let case = office.asks(1, 50).await;
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_hangs_holds_up_no_acknowledgement_and_ends_with_people() {
    join_all([Endpoint::Login, Endpoint::Logs].map(async |endpoint| {
        let office = Office::open_with(&["confirm: {within: 2s}"]).await;
        office.platform.always(endpoint, Behaviour::Hang);
        let begun = Instant::now();
        let case = office.asks(1, 50).await;
        assert!(begun.elapsed() < Duration::from_secs(2));
        office.left_to_people(&case).await;
        assert_eq!(office.platform.answers(), [""; 0]);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_talks_nonsense_is_not_believed() {
    let one = record(1, &json!(50));
    let twice = format!(r#"[{{"id": "{}", "id": "x", "status": "pending"}}]"#, id(1));
    let mut huge = vec![b' '; 64 * 1024 * 1024];
    huge.extend_from_slice(format!("[{one}]").as_bytes());
    let bodies = [
        b"".to_vec(),
        b"<html>we will be back soon</html>".to_vec(),
        b"null".to_vec(),
        b"[1, \"x\", null]".to_vec(),
        // The record, but not in a list; and a list, but not where it should be.
        one.to_string().into_bytes(),
        json!({"logs": [one]}).to_string().into_bytes(),
        format!("[{one}").into_bytes(),
        twice.into_bytes(),
        b"\xff\xfe[]".to_vec(),
        huge,
    ];
    join_all(bodies.into_iter().map(async |body| {
        let office = Office::open_with(&["confirm: {within: 1s}"]).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        office
            .platform
            .always(Endpoint::Logs, Behaviour::Write(body));
        let case = office.asks(1, 50).await;
        office.left_to_people(&case).await;
        assert_eq!(office.platform.answers(), [""; 0], "{shown}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let elsewhere = AgentWarden::start().await;
    let ways = [
        (Endpoint::Login, "/auth/login"),
        (Endpoint::Logs, "/api/logs"),
    ];
    let ways = ways
        .into_iter()
        .flat_map(|way| [301, 302, 307, 308].map(|status| (way, status)));
    join_all(ways.map(async |((endpoint, path), status)| {
        let office = Office::open_with(&["confirm: {within: 1s}"]).await;
        let to = vec![("location", format!("{}{path}", elsewhere.url()))];
        office
            .platform
            .always(endpoint, Behaviour::Say(status, json!({}), to));
        let case = office.asks(1, 50).await;
        office.left_to_people(&case).await;
        assert_eq!(office.platform.answers(), [""; 0]);
    }))
    .await;
    assert!(elsewhere.all_calls().is_empty());
}
