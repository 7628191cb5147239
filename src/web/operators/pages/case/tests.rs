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
            .contains("Approved by bob")
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
async fn the_policies_say_what_serves_what_is_wrong_and_which_rules_fire() {
    let house = House::open().await;
    asked(
        &house,
        json!({"id": "s", "action": "refund", "context": {"amount": 5, "customer": "x"}}),
    )
    .await;
    let shown = sees(&house, "vera", "/policies").await.text;
    in_order(
        &shown,
        &[
            "Live revision",
            "(the same)",
            "How often each fired in the last 1 cases",
            "Small refund",
            "<td>1</td>",
            "refunds.rego:5",
            "Fraud",
            "never",
            "Payout",
        ],
    );
    assert!(!shown.contains("Reload now"), "{shown}");
    assert!(
        sees(&house, "root", "/policies")
            .await
            .text
            .contains("Reload now")
    );
    let refused = sends(&house, "alice", "/policies/reload", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let file = house.policies().join("policies/refunds.rego");
    std::fs::write(&file, "package approvals.refunds\n\napprove contains <b>").unwrap();
    let reloaded = sends(&house, "root", "/policies/reload", &[]).await;
    assert_eq!(reloaded.headers["location"], "/policies");
    let shown = sees(&house, "vera", "/policies").await.text;
    in_order(
        &shown,
        &[
            "The policies on disk are refused",
            "<pre",
            "refunds.rego:3",
            "contains &#60;b&#62;",
            "Live revision",
            "Small refund",
        ],
    );
}

#[tokio::test]
async fn the_log_is_read_from_its_end_by_kind_and_by_case() {
    let house = House::open().await;
    let mut cases = Vec::new();
    for number in 0..60 {
        cases.push(house.open_case(&format!("l{number}")).await);
    }
    let (case, digest) = &cases[0];
    counts(&house, "alice", case, "reject", digest).await;
    let first = sees(&house, "vera", "/log").await.text;
    in_order(
        &first,
        &[
            "#62 ",
            "alice voted reject",
            case,
            "#61 ",
            "Older",
            "countersign log verify",
        ],
    );
    assert!(
        !first.contains("#12 ") && !first.contains(">Newest<"),
        "{first}"
    );
    let second = sees(&house, "vera", "/log?kind=&case=&before=13")
        .await
        .text;
    in_order(&second, &["#12 ", "#1 ", "policy served", "Newest"]);
    assert!(!second.contains(">Older<"));
    let kind = sees(&house, "vera", "/log?kind=resolved").await.text;
    assert!(kind.contains("#62 ") && !kind.contains("#61 "), "{kind}");
    let of_case = sees(&house, "vera", &format!("/log?case={case}"))
        .await
        .text;
    assert!(of_case.contains("#62 ") && of_case.contains("#2 ") && !of_case.contains("#3 "));
    for wrong in ["?kind=x", "?case=%3Cscript%3E", "?before=-1", "?kidn=voted"] {
        let refused = sees(&house, "vera", &format!("/log{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(!refused.text.contains("<script>"), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_admin_freezes_and_lifts_from_a_form_and_nobody_else_does() {
    let house = House::open().await;
    let reason = [("reason", "incident <7>")];
    let refused = sends(&house, "alice", "/freeze", &reason).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        sees(&house, "root", "/freeze").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    for (fields, status) in [
        (vec![("reason", " ")], StatusCode::UNPROCESSABLE_ENTITY),
        (vec![], StatusCode::UNPROCESSABLE_ENTITY),
        (
            vec![("reason", "x"), ("by", "alice")],
            StatusCode::BAD_REQUEST,
        ),
    ] {
        assert_eq!(
            sends(&house, "root", "/freeze", &fields).await.status,
            status
        );
    }
    let (case, _) = house.open_case("f").await;
    assert!(
        !page(&house, "vera", &case)
            .await
            .text
            .contains("Approvals are frozen")
    );
    let frozen = sends(&house, "root", "/freeze", &reason).await;
    assert_eq!(frozen.status, StatusCode::SEE_OTHER, "{}", frozen.text);
    for path in [
        format!("/cases/{case}"),
        "/policies".to_owned(),
        "/log".to_owned(),
    ] {
        let shown = sees(&house, "vera", &path).await.text;
        in_order(
            &shown,
            &["Approvals are frozen", "root", "incident &#60;7&#62;"],
        );
        assert!(!shown.contains("Lift the freeze"));
    }
    assert!(
        page(&house, "root", &case)
            .await
            .text
            .contains("Lift the freeze")
    );
    let refused = sends(&house, "alice", "/unfreeze", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let lifted = sends(&house, "root", "/unfreeze", &[]).await;
    assert_eq!(lifted.status, StatusCode::SEE_OTHER);
    assert!(
        !page(&house, "vera", &case)
            .await
            .text
            .contains("Approvals are frozen")
    );
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

async fn case_of(house: &House, id: &str) -> Case {
    let id = CaseId::parse(id).unwrap();
    house.store.case(id).await.unwrap().unwrap().case
}

fn teams() -> People {
    let team = |name: &str, then: Option<&str>, on_deadline| Team {
        name: name.to_owned(),
        then: then.map(str::to_owned),
        on_deadline,
        ..Team::default()
    };
    let teams = vec![
        team("payments", Some("managers"), OnDeadline::Expire),
        team("managers", None, OnDeadline::Reject),
    ];
    let defaults = EscalationDefaults {
        to: None,
        votes: 1,
        within: SignedDuration::from_hours(1),
    };
    People::new(teams, BTreeMap::new(), defaults)
}

#[tokio::test]
async fn the_banner_says_who_is_asked_next_and_what_silence_means() {
    let house = House::open().await;
    let id = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let mut case = case_of(&house, &id).await;
    let people = teams();
    let notes = |case: &Case| Banner::of(case, &people, case.decided_at).notes.join(" ");
    assert!(notes(&case).contains("If nobody answers in time, managers is asked."));
    let State::Open(question) = &mut case.state else {
        panic!("{case:?}")
    };
    question.to = Some("managers".to_owned());
    question.before = vec!["payments".to_owned()];
    let asked = notes(&case);
    assert!(
        asked.contains("Asked before, without an answer: payments."),
        "{asked}"
    );
    assert!(
        asked.contains("If nobody answers in time, it is rejected."),
        "{asked}"
    );
    let State::Open(question) = &mut case.state else {
        panic!("{case:?}")
    };
    question.to = Some("pyaments".to_owned());
    let asked = notes(&case);
    assert!(asked.contains("admins alone can vote"), "{asked}");
    assert!(asked.contains("it expires"), "{asked}");
}

#[tokio::test]
async fn the_banner_says_whose_word_it_was_and_whether_the_platform_knows() {
    let house = House::open().await;
    let id = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let mut case = case_of(&house, &id).await;
    case.channel = Channel::Answer;
    let people = teams();
    let mut said = |outcome, by, answer, platform| {
        let at = case.decided_at;
        case.state = State::Resolved(Resolution {
            outcome,
            by,
            at,
            reason: None,
            answer,
        });
        case.platform_outcome = platform;
        let banner = Banner::of(&case, &people, at);
        format!("{} | {}", banner.title, banner.notes.join(" "))
    };
    let alice = || Resolver::Person("alice\u{202e}".to_owned());
    let all = [
        said(Resolved::Approved, alice(), AnswerState::Settled, None),
        said(
            Resolved::Rejected,
            Resolver::Deadline,
            AnswerState::Pending,
            None,
        ),
        said(
            Resolved::Approved,
            alice(),
            AnswerState::Dead,
            Some(PlatformOutcome::Rejected),
        ),
        said(
            Resolved::Expired,
            Resolver::Deadline,
            AnswerState::None,
            None,
        ),
        said(
            Resolved::Superseded,
            Resolver::Platform,
            AnswerState::None,
            Some(PlatformOutcome::Other("odd".to_owned())),
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    Approved by alice\u{202e} | The platform took the answer.
    Rejected by the deadline | The platform is being told.
    Approved by alice\u{202e} | Telling the platform was given up; an admin can have it tried again. The platform says otherwise: rejected.
    Expired: nobody answered in time | There was nothing to tell the platform.
    Decided on the platform: odd | There was nothing to tell the platform.
    ");
}

#[test]
fn whoever_is_refused_is_told_why_in_words_that_are_for_them() {
    let refused = |to: Option<&str>| Refused::NotAsked {
        by: "bob".to_owned(),
        to: to.map(str::to_owned),
    };
    assert_eq!(
        why(&refused(Some("pay\u{202e}"))),
        "You are not asked: pay\\u{202e} votes on this."
    );
    assert_eq!(why(&refused(None)), "You may look, but not vote.");
    assert!(why(&Refused::OwnRequest).contains("leave it to somebody else"));
}
