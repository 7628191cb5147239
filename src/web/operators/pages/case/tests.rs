use std::collections::BTreeMap;

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::ballot::why;
use super::banner::Banner;
use crate::domain::case::{
    AnswerState, Case, Channel, Refused, Resolution, Resolved, Resolver, State,
};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::CaseId;
use crate::domain::platform::PlatformOutcome;
use crate::domain::team::{OnDeadline, People, Team};
use crate::store::Store as _;
use crate::web::operators::pages::tests::sees;
use crate::web::tests::house::{Heard, House, heard};

/// What `who` sends from a form at `path`.
mod banner;
mod large;
mod many;
mod others;

async fn sends(house: &House, who: &str, path: &str, fields: &[(&str, &str)]) -> Heard {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let request = Request::post(path)
        .header("authorization", format!("Bearer {who}"))
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Body::from(form.finish())).unwrap();
    heard(&house.operators, request).await
}

async fn asked(house: &House, body: Value) -> String {
    let asked = house.asks("b-token", &body).await;
    assert!(asked.status.is_success(), "{}", asked.text);
    asked.json()["case_id"].as_str().unwrap().to_owned()
}

async fn votes(house: &House, who: &str, case: &str, vote: &str, digest: &str) -> Heard {
    let fields = [
        ("vote", vote),
        ("digest", digest),
        ("reason", "looked at it"),
    ];
    sends(house, who, &format!("/cases/{case}/votes"), &fields).await
}

async fn page(house: &House, who: &str, case: &str) -> Heard {
    let page = sees(house, who, &format!("/cases/{case}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page
}

/// A vote that counts.
async fn counts(house: &House, who: &str, case: &str, vote: &str, digest: &str) {
    let voted = votes(house, who, case, vote, digest).await;
    assert_eq!(voted.status, StatusCode::SEE_OTHER, "{}", voted.text);
}

/// Whether these stand on the page in this order.
fn in_order(page: &str, texts: &[&str]) {
    let mut at = 0;
    for text in texts {
        let found = page[at..].find(text);
        at += found.unwrap_or_else(|| panic!("no `{text}` after byte {at}: {page}"));
    }
}

#[tokio::test]
async fn the_page_answers_in_the_order_in_which_a_person_decides() {
    let house = House::open().await;
    let ask = json!({
        "id": "near", "action": "refund", "title": "Please", "message": "be quick",
        "context": {"amount": 120, "customer": "eve"},
    });
    let case = asked(&house, ask).await;
    let page = page(&house, "alice", &case).await;
    in_order(
        &page.text,
        &[
            "Open: everybody who may vote is asked",
            "0 of 1 approval",
            "ends <time",
            "What is asked",
            "refund",
            "billing-bot",
            "120",
            "In the agent's own words",
            "Please",
            "be quick",
            "The whole request, as policy saw it",
            "Why",
            "no rule of policy",
            "Small refund",
            "refunds.rego:5",
            "input.context.amount &#60; 100",
            "input.context.amount = 120",
            "Nearest to approving",
            "needs &#60; 100",
            "= 99 (verified)",
            "Requests like this before",
            "Nobody has decided one",
            "Votes",
            "value=\"approve\"",
            "value=\"reject\"",
            "What happened",
            "Policy says escalate (no_rule)",
            "Make a test from this request",
            &format!("countersign explain {case}"),
            &format!("/v1/cases/{case}"),
        ],
    );
    assert!(!page.text.contains("b-token"), "{}", page.text);
}

#[tokio::test]
async fn a_vote_brings_back_to_the_page_which_says_who_decided() {
    let house = House::open().await;
    let (case, digest) = house.open_case("v").await;
    let voted = votes(&house, "alice", &case, "approve", &digest).await;
    assert_eq!(voted.status, StatusCode::SEE_OTHER, "{}", voted.text);
    assert_eq!(voted.headers["location"], format!("/cases/{case}"));
    let shown = page(&house, "bob", &case).await.text;
    in_order(
        &shown,
        &[
            "Approved by alice",
            "looked at it",
            "The agent learns it",
            "by web",
        ],
    );
    assert!(!shown.contains("name=\"vote\""), "{shown}");
    // The same form twice is a double click, not a mistake.
    let again = votes(&house, "alice", &case, "approve", &digest).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_is_too_late_is_told_who_decided_and_sees_the_case_as_it_is() {
    let house = House::open().await;
    let (case, digest) = house.open_case("late").await;
    counts(&house, "alice", &case, "reject", &digest).await;
    let late = votes(&house, "bob", &case, "approve", &digest).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    in_order(
        &late.text,
        &[
            "role=\"alert\"",
            "Your vote was not counted",
            "rejected by alice",
            "Rejected by alice",
        ],
    );
}

#[tokio::test]
async fn whoever_repeats_a_vote_that_lost_is_told_who_decided_otherwise() {
    let house = House::open().await;
    let case = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let digest = house.digest(&case).await;
    counts(&house, "alice", &case, "approve", &digest).await;
    counts(&house, "bob", &case, "reject", &digest).await;
    let late = votes(&house, "alice", &case, "approve", &digest).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    in_order(
        &late.text,
        &["Your vote was not counted", "rejected by bob"],
    );
}

#[tokio::test]
async fn a_vote_on_what_has_changed_says_what_happened_since() {
    let house = House::open().await;
    let case = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let digest = house.digest(&case).await;
    counts(&house, "alice", &case, "approve", &digest).await;
    let fields = [
        ("vote", "approve"),
        ("digest", &"0".repeat(64)),
        ("seen", "0"),
    ];
    let stale = sends(&house, "bob", &format!("/cases/{case}/votes"), &fields).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    in_order(
        &stale.text,
        &[
            "The case has changed",
            "Since you were shown it",
            "alice voted approve by web",
            "1 of 2 approvals",
            "value=\"approve\"",
        ],
    );
}

#[tokio::test]
async fn two_people_make_a_quorum_of_two_and_the_page_counts_them() {
    let house = House::open().await;
    let case = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let digest = house.digest(&case).await;
    assert!(
        page(&house, "alice", &case)
            .await
            .text
            .contains("0 of 2 approvals")
    );
    for _ in 0..2 {
        counts(&house, "alice", &case, "approve", &digest).await;
    }
    let shown = page(&house, "alice", &case).await.text;
    in_order(
        &shown,
        &[
            "payments is asked",
            "1 of 2 approvals",
            "You voted to approve",
        ],
    );
    counts(&house, "bob", &case, "approve", &digest).await;
    assert!(
        page(&house, "alice", &case)
            .await
            .text
            .contains("Approved by alice, bob")
    );
}

#[tokio::test]
async fn where_a_reason_is_required_a_form_without_one_comes_back_as_it_was() {
    let house = House::open().await;
    let event = json!({"event": "approval.requested", "approval_id": "a", "token": "t0ken", "require_rationale": true});
    let case = house.delivers(&event).await.json()["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = page(&house, "alice", &case).await.text;
    assert!(
        shown.contains("required: the platform insists on one"),
        "{shown}"
    );
    assert!(!shown.contains("t0ken"), "{shown}");
    let digest = house.digest(&case).await;
    let path = format!("/cases/{case}/votes");
    let fields = [("vote", "reject"), ("digest", &*digest), ("reason", "  ")];
    let missing = sends(&house, "alice", &path, &fields).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    in_order(&missing.text, &["Say why", "aria-invalid"]);
    let long = format!("<b>{}", "x".repeat(4000));
    let fields = [("vote", "reject"), ("digest", &*digest), ("reason", &*long)];
    let refused = sends(&house, "alice", &path, &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("&#60;b&#62;xxx"), "{}", refused.text);
    assert!(!refused.text.contains("<b>"), "{}", refused.text);
    assert_eq!(house.digest(&case).await, digest, "nothing was counted");
}

#[tokio::test]
async fn who_may_not_vote_is_told_why_instead_of_being_offered_a_form() {
    let house = House::open().await;
    let (case, digest) = house.open_case("x").await;
    let shown = page(&house, "vera", &case).await.text;
    assert!(shown.contains("You may look, but not vote"), "{shown}");
    assert!(!shown.contains("name=\"vote\""), "{shown}");
    let refused = votes(&house, "vera", &case, "approve", &digest).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    in_order(
        &refused.text,
        &["This is not yours to decide", "not vote", "0 of 1"],
    );
    for (fields, status) in [
        (vec![("digest", &*digest)], 400),
        (vec![("vote", "maybe"), ("digest", &*digest)], 400),
        (
            vec![
                ("vote", "approve"),
                ("vote", "reject"),
                ("digest", &*digest),
            ],
            400,
        ),
        (vec![("vote", "approve")], 400),
        (vec![("vote", "approve"), ("digest", "12")], 400),
        (
            vec![("vote", "approve"), ("digest", &*digest), ("by", "bob")],
            400,
        ),
    ] {
        let wrong = sends(&house, "alice", &format!("/cases/{case}/votes"), &fields).await;
        assert_eq!(wrong.status.as_u16(), status, "{fields:?}");
    }
    let nobody = "case_00000000000000000000000000000000";
    let unknown = votes(&house, "alice", nobody, "approve", &digest).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert_eq!(
        sees(&house, "alice", "/cases/x").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(house.digest(&case).await, digest, "nothing was counted");
}

#[tokio::test]
async fn what_an_agent_writes_is_inert_on_the_page() {
    let house = House::open().await;
    let attack =
        "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}\u{200b}\r\n{{7*7}}";
    let long = "<i>".repeat(300);
    let ask = json!({
        "id": "<b>id</b>", "action": format!("refund{attack}"), "title": attack, "message": format!("{attack}{long}"),
        "context": {"amount": attack, "<script>key</script>\u{2066}": {"\"><svg onload=1>": long}, "javascript:1": "javascript:alert(1)"},
    });
    let case = asked(&house, ask).await;
    let digest = house.digest(&case).await;
    votes(&house, "alice", &case, "approve", &"0".repeat(64)).await;
    let pages = [
        page(&house, "alice", &case).await.text,
        sees(&house, "alice", "/log").await.text,
        votes(&house, "alice", &case, "reject", &"0".repeat(64))
            .await
            .text,
    ];
    for text in &pages {
        for bad in [
            "<script>alert",
            "<script>key",
            "<img",
            "<svg",
            "<i>",
            "<b>",
            "\u{202e}",
            "\u{200b}",
            "\u{2066}",
            "href=\"javascript",
        ] {
            assert!(!text.contains(bad), "`{bad}` in {text}");
        }
    }
    let shown = &pages[0];
    assert!(
        shown.contains("&#60;script&#62;alert(1)") && shown.contains("\\u{202e}"),
        "{shown}"
    );
    in_order(shown, &["<details class=\"more\">", "characters</summary>"]);
    let policy = shown.matches("style=").count() + shown.matches("onclick").count();
    assert_eq!(policy, 0, "{shown}");
    // A reason is a person's text; it is as inert.
    let fields = [("vote", "reject"), ("digest", &*digest), ("reason", attack)];
    sends(&house, "alice", &format!("/cases/{case}/votes"), &fields).await;
    let after = page(&house, "alice", &case).await.text;
    assert!(
        !after.contains("<script>alert") && !after.contains('\u{202e}'),
        "{after}"
    );
}

#[tokio::test]
async fn how_people_decided_before_is_shown() {
    let house = House::open().await;
    for (number, word) in ["approve", "approve", "reject"].into_iter().enumerate() {
        let (case, digest) = house.open_case(&format!("earlier {number}")).await;
        counts(&house, "alice", &case, word, &digest).await;
    }
    let others = house
        .asks("o-token", &json!({"id": "theirs", "action": "unknown"}))
        .await;
    let others = others.json()["case_id"].as_str().unwrap().to_owned();
    let digest = house.digest(&others).await;
    counts(&house, "bob", &others, "approve", &digest).await;
    let (case, _) = house.open_case("now").await;
    let shown = page(&house, "alice", &case).await.text;
    in_order(
        &shown,
        &[
            "By billing-bot",
            "2 approved, 1 rejected by people",
            "By others",
            "1 approved by people",
            "looked at it",
            &format!("href=\"/cases/{others}\""),
        ],
    );
}

#[tokio::test]
async fn a_test_is_made_of_a_request_for_whoever_may_look() {
    let house = House::open().await;
    let ask = json!({"id": "t", "action": "refund", "context": {"amount": 50, "customer": "x\"}\n\ny := {"}});
    let case = asked(&house, ask).await;
    let path = format!("/cases/{case}/test.rego");
    let made = sees(&house, "vera", &path).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    assert_eq!(made.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(made.headers["x-content-type-options"], "nosniff");
    let name = made.headers["content-disposition"].to_str().unwrap();
    assert!(
        name.starts_with("attachment; filename=\"request_"),
        "{name}"
    );
    in_order(
        &made.text,
        &[
            "package approvals.refunds_test",
            "approve) == 1 with input",
            "reject) == 0",
        ],
    );
    let stranger = Request::get(&path).body(Body::empty()).unwrap();
    assert_eq!(
        heard(&house.operators, stranger).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_rejected_case_shows_the_rule_that_rejects() {
    let house = House::open().await;
    let ask =
        json!({"id": "m", "action": "refund", "context": {"amount": 5, "customer": "mallory"}});
    let case = asked(&house, ask).await;
    let shown = page(&house, "alice", &case).await.text;
    in_order(&shown, &["Rejected by policy", "Fraud", "mallory"]);
}

#[tokio::test]
async fn an_open_page_hears_what_happened_and_is_left_alone_where_nothing_did() {
    let house = House::open().await;
    let case = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let digest = house.digest(&case).await;
    let first = page(&house, "bob", &case).await.text;
    let (_, link) = first.split_once("data-hx-get=\"").unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let same = sees(&house, "bob", &link).await;
    assert_eq!((same.status, &*same.text), (StatusCode::NO_CONTENT, ""));
    counts(&house, "alice", &case, "approve", &digest).await;
    let news = sees(&house, "bob", &link).await;
    in_order(
        &news.text,
        &[
            "Since you opened this page",
            "alice voted approve",
            "1 of 2 approvals",
        ],
    );
    let wrong = sees(&house, "bob", &format!("/cases/{case}?shown=x")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
