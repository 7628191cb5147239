//! In dry-run everything that is needed to decide is done, and nothing is answered.

use serde_json::json;

use super::{Endpoint, Office, id, pending, resolved};

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_the_record_is_read_back_and_no_answer_leaves() {
    let office = Office::open_in("dry_run", &[]).await;
    for (number, amount, outcome, word) in [
        (1, 50, "approve", "approved"),
        (2, 20_000, "reject", "rejected"),
    ] {
        let case = office.asks(number, amount).await;
        let verdict = office.verdict(&case, "resolved").await;
        assert_eq!(verdict["outcome"], outcome);
        assert_eq!(verdict["mode"], "dry_run");
        assert_eq!(verdict["resolution"]["outcome"], word);
        assert_eq!(verdict["resolution"]["answer"], "none");
        let input = &office.server.case(&case).await["request"];
        assert_eq!(input["verified"]["record"], true);
    }
    assert_eq!(office.platform.calls(Endpoint::Login).len(), 1);
    assert_eq!(office.platform.calls(Endpoint::Logs).len(), 2);
    office.server.stop().await;
    assert_eq!(office.platform.answers(), [""; 0]);
    assert_eq!(office.platform.status_of(&id(1)), "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_a_forgery_is_found_out_too() {
    let office = Office::open_in("dry_run", &[]).await;
    let record = office.asked(1, 5_000);
    let mut forged = pending(&record);
    forged["data"]["context"]["amount"] = json!(5);
    let case = office.accepted(&forged).await;
    office.left_to_people(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_lost_webhooks_are_found_and_peoples_word_is_kept_beside_ours() {
    let office = Office::open_in("dry_run", &["reconcile: 10s"]).await;
    let record = office.asked(1, 50);
    let case = office.only_case().await["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    office.verdict(&case, "resolved").await;
    office
        .platform
        .change(&id(1), |record| record["status"] = json!("denied"));
    office
        .told(&resolved(&record, "rejected", "user_dana"))
        .await;
    let verdict = office.verdict(&case, "resolved").await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["platform_outcome"], "rejected");
    office.server.stop().await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_a_wrong_password_leaves_a_case_undecided_until_its_time_is_up() {
    let office = Office::open_in("dry_run", &[]).await;
    office.platform.state().password = "another-password".to_owned();
    let case = office.asks(1, 50).await;
    // Two minutes is the default: until then it is not decided.
    office.platform.wait_for(Endpoint::Login, 1).await;
    assert_eq!(
        office.server.case(&case).await["verdict"]["state"],
        "received"
    );
    assert!(office.platform.calls(Endpoint::Logs).is_empty());
}
