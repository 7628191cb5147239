//! What people do in the inbox.

use crate::harness::{Countersign, POLICY, config_at, with};
use crate::stage::{employ, play, rehearse};

/// Two people decide on payments, of whom one also owns `release-bot`; one may only look, one may do everything.
const TEAMS: &str = "teams: [{name: payments, members: [carol, dan], votes: 2}, {name: auditors, members: [gus]}]\n";

/// Asks one person of `payments` about refunds.
const REFUNDS: &str = r#"package approvals.refunds

# METADATA
# title: Refund
escalate contains {"reason": "a refund is looked at", "to": "payments", "votes": 1, "within": "2h"} if {
	input.action == "refund"
}
"#;

/// Asks others about audits.
const AUDITS: &str = r#"package approvals.audits

# METADATA
# title: Audit
escalate contains {"reason": "an audit is for the auditors", "to": "auditors"} if input.action == "audit"
"#;

/// A server that asks people, and its people.
async fn inbox() -> Countersign {
    // No platform is answered here: those who ask are agents at our own API.
    let config = with(&config_at("enforce", "http://127.0.0.1:9"), TEAMS);
    let policies = [
        ("approvals/pay/pay.rego", POLICY),
        ("approvals/refunds/refunds.rego", REFUNDS),
        ("approvals/audits/audits.rego", AUDITS),
    ];
    let server = Countersign::start_with(&config, &policies).await;
    for (name, role) in [
        ("carol", "approver"),
        ("dan", "approver"),
        ("erin", "admin"),
        ("vic", "viewer"),
    ] {
        employ(&server, name, role).await;
    }
    server
}

/// Plays a scenario on an inbox of its own.
async fn plays(scenario: &str) {
    play(&inbox().await, scenario, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_user_logs_in_with_the_right_password_only_and_out_for_good() {
    plays("login.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_passwords_has_to_wait() {
    plays("guessing.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_shows_what_comes_in_and_what_is_decided_as_it_happens() {
    plays("live.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_beside_the_queue_is_the_number_of_questions_in_it() {
    plays("counts.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_has_a_reason_and_two_people_make_a_quorum_of_two() {
    plays("quorum.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_votes_on_a_page_that_is_stale_is_told_who_decided() {
    plays("stale.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_worked_through_with_the_keyboard_alone() {
    plays("keyboard.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_telephone_and_a_thumb() {
    plays("phone.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_scripts_logs_in_looks_and_votes() {
    plays("plain.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_dark_where_the_browser_wants_it_dark_and_readable_either_way() {
    plays("dark.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_is_red_on_every_page_and_an_admins_to_begin_and_to_end() {
    plays("freeze.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_requests_are_decided_together() {
    plays("bulk.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_agent_writes_is_text() {
    plays("injection.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_may_do_is_noticed() {
    rehearse("watchful.mjs", &[]).await;
}
