use serde_json::json;

use super::confirm::{lookup, record};
use super::*;
use crate::source::NotListed;

fn reconciled(settings: &mut Settings, change: impl FnOnce(&mut Lookup)) {
    let mut lookup = lookup("{api_url}/logs?status=pending");
    change(&mut lookup);
    settings.reconcile = Some(Reconcile {
        lookup,
        every: SignedDuration::from_mins(5),
    });
}

async fn listed(status: u16, body: &str) -> Result<Vec<Request>, NotListed> {
    let platform = Platform::answering(status, body).await;
    source_at(&platform.url, |settings| reconciled(settings, |_| {}))
        .pending()
        .await
}

fn ids(listed: &Result<Vec<Request>, NotListed>) -> Vec<&str> {
    listed
        .as_ref()
        .unwrap()
        .iter()
        .map(|request| request.id.as_str())
        .collect()
}

#[tokio::test]
async fn every_pending_record_of_every_page_is_a_request() {
    let records: Vec<Value> = (0..5)
        .map(|number| record(&format!("ap_{number}")))
        .collect();
    let platform = Platform::listing(records, 2).await;
    let source = source_at(&platform.url, |settings| {
        reconciled(settings, |lookup| {
            lookup.pages = Pages::Offset {
                limit: 100,
                limit_parameter: "limit".to_owned(),
                offset_parameter: "offset".to_owned(),
            };
        });
    });
    assert_eq!(
        source.reconciles_every(),
        Some(SignedDuration::from_mins(5))
    );
    let listed = source.pending().await;
    assert_eq!(ids(&listed), ["ap_0", "ap_1", "ap_2", "ap_3", "ap_4"]);
    let first = &listed.unwrap()[0];
    assert!(first.proven.record && !first.proven.signature);
    assert_eq!(first.payload, record("ap_0"));
    assert_eq!(
        platform.lines()[0],
        "GET /logs?status=pending&limit=100&offset=0"
    );
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_left_out_and_no_other() {
    let mut unstated = record("ap_2");
    unstated["status"] = json!(7);
    let mut timeless = record("ap_3");
    timeless["expires_at"] = json!("soon");
    let list = format!(
        r#"[{}, 7, null, {{"action": "a", "status": "pending"}}, {{"id": "ap_9", "id": "ap_8"}}, {unstated}, {timeless},
            {{"id": "ap_4", "status": "pending", "n": 1, "n": 2}}, {}]"#,
        record("ap_1"),
        record("ap_5")
    );
    assert_eq!(ids(&listed(200, &list).await), ["ap_1", "ap_5"]);
}

#[tokio::test]
async fn a_record_that_is_not_pending_is_left_out() {
    let mut done = record("ap_2");
    done["status"] = json!("approved");
    let list = json!([record("ap_1"), done]).to_string();
    assert_eq!(ids(&listed(200, &list).await), ["ap_1"]);
}

#[tokio::test]
async fn records_that_contradict_each_other_are_both_left_out() {
    let mut other = record("ap_1");
    other["context"] = json!({"amount": 1});
    let list = json!([record("ap_1"), record("ap_2"), other, record("ap_2")]).to_string();
    assert_eq!(ids(&listed(200, &list).await), ["ap_2"]);
    let list = format!(
        r#"[{}, {{"id": "ap_1", "n": 1, "n": 2}}, {}]"#,
        record("ap_1"),
        record("ap_2")
    );
    assert_eq!(ids(&listed(200, &list).await), ["ap_2"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_no_empty_list() {
    for status in [429, 500, 503] {
        assert!(
            matches!(listed(status, "[]").await, Err(NotListed::Later(_))),
            "{status}"
        );
    }
    for status in [400, 401, 403, 404] {
        assert!(
            matches!(listed(status, "[]").await, Err(NotListed::Alert(_))),
            "{status}"
        );
    }
    for body in ["", "{}", "[", "7"] {
        assert!(
            matches!(listed(200, body).await, Err(NotListed::Alert(_))),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_source_that_lists_nothing_has_nothing_pending() {
    let source = source(|_| {});
    assert_eq!(source.reconciles_every(), None);
    assert!(source.pending().await.unwrap().is_empty());
}
