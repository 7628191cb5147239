use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{sees, words};
use crate::domain::id::{CaseId, ContentDigest};
use crate::domain::verdict::Outcome;
use crate::store::{Store as _, contract};
use crate::web::tests::house::{Heard, House, heard, name};

async fn payout(house: &House, id: &str, amount: u64) -> String {
    let context = json!({"amount": amount, "customer": {"name": "Ann", "tier": "gold"}});
    let request = json!({"id": id, "action": "payout", "context": context, "message": "please"});
    asked(house, &request).await
}

async fn asked(house: &House, request: &Value) -> String {
    let asked = house.asks("b-token", request).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    asked.json()["case_id"].as_str().unwrap().to_owned()
}

async fn votes(house: &House, who: &str, form: &[(&str, &str)]) -> Heard {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    let request = Request::post("/cases/votes")
        .header("authorization", format!("Bearer {who}"))
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    heard(
        &house.operators,
        request.body(Body::from(body.finish())).unwrap(),
    )
    .await
}

/// `page` without what differs from run to run.
fn settled(house: &House, page: &str) -> String {
    words(page).replace(house.flow.policies().status().live.short(), "REVISION")
}

#[tokio::test]
async fn the_queue_says_of_each_question_what_who_why_and_until_when() {
    let house = House::open().await;
    payout(&house, "1", 250).await;
    let page = sees(&house, "alice", "/cases").await;
    assert_eq!(page.status, StatusCode::OK);
    insta::assert_snapshot!(settled(&house, &page.text), @r#"
    Queue
    Search cases
    Search
    How to search
    Words are looked for in the request's id, the action and the agent. key:value narrows it down: state: team: source: agent: action: outcome: cause: by:. A * in a name stands for anything: action:stripe.*. Quote what has spaces: agent:"night bot".
    Open
    Decided
    payments 1
    1 question
    Select payout by billing-bot, case_85a26e65a5cf7d6243199db40ef87065
    payout by billing-bot
    please
    context.amount
    250
    context.customer.name
    Ann
    context.customer.tier
    gold
    Left to a person by policy REVISION: Payout: payouts need two.
    ends in 23 h
    0/2 approvals
    asked: payments
    from agents
    Decide all selected
    Reason, for all of them
    Approve selected Reject selected
    "#);
    assert!(page.text.contains("1<span class=\"unseen\"> open</span>"));
}

#[tokio::test]
async fn who_may_only_look_has_nothing_to_vote_with() {
    let house = House::open().await;
    payout(&house, "1", 250).await;
    let page = sees(&house, "vera", "/cases").await.text;
    assert!(page.contains("you may look, not vote"));
    assert!(!page.contains("form=\"bulk\"") && !page.contains("/cases/votes"));
    let refused = votes(&house, "vera", &[("vote", "approve")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        words(&refused.text).contains("Not allowed"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn requests_that_are_just_like_one_can_be_decided_at_once_and_no_others() {
    let house = House::open().await;
    let first = payout(&house, "1", 250).await;
    payout(&house, "2", 250).await;
    payout(&house, "3", 251).await;
    let page = sees(&house, "alice", "/cases").await.text;
    assert_eq!(page.matches("1 more just like it").count(), 2);
    let page = sees(&house, "alice", &format!("/cases?same={first}"))
        .await
        .text;
    assert_eq!(page.matches(" checked><span").count(), 2, "{page}");
    assert!(page.contains("Just like <bdi>payout by billing-bot</bdi>"));
}

#[tokio::test]
async fn of_each_vote_in_a_bulk_is_said_what_became_of_it() {
    let house = House::open().await;
    let quorum = payout(&house, "1", 250).await;
    let (single, single_digest) = house.open_case("2").await;
    let (closed, closed_digest) = house.open_case("3").await;
    let quorum_digest = house.digest(&quorum).await;
    let path = format!("/v1/cases/{closed}/votes");
    let vote = json!({"vote": "reject", "digest": closed_digest, "reason": "no"}).to_string();
    assert_eq!(
        house.operates("bob", "POST", &path, &vote).await.status,
        StatusCode::OK
    );
    let unknown = format!("case_{}", "0".repeat(32));
    let pairs = [
        format!("{quorum}:{quorum_digest}"),
        format!("{single}:{single_digest}"),
        format!("{closed}:{closed_digest}"),
        // What was shown of another case is not what was shown of this one.
        format!("{quorum}:{single_digest}"),
        format!("{unknown}:{single_digest}"),
    ];
    let mut form: Vec<(&str, &str)> = pairs.iter().map(|pair| ("on", pair.as_str())).collect();
    form.extend([("vote", "approve"), ("reason", "checked by hand")]);
    let page = votes(&house, "alice", &form).await;
    assert_eq!(page.status, StatusCode::OK);
    let said = words(&page.text).replace(&quorum, "QUORUM");
    let said = said.replace(&single, "SINGLE").replace(&closed, "CLOSED");
    insta::assert_snapshot!(said, @r"
    2 of 5 approvals counted
    payout by billing-bot
    Counted: 1 of 2 approvals.
    QUORUM
    unknown by billing-bot
    Counted: it is approved.
    SINGLE
    unknown by billing-bot
    Not counted: it was rejected by bob before.
    CLOSED
    payout by billing-bot
    Not counted: it has changed since it was shown. Look at it again.
    QUORUM
    case_00000000000000000000000000000000
    There is no such case any more.
    case_00000000000000000000000000000000
    Back to the queue
    ");
    let kept = house
        .operates("vera", "GET", &format!("/v1/cases/{single}"), "")
        .await;
    assert!(kept.text.contains("checked by hand"), "{}", kept.text);
    assert!(kept.text.contains("\"person:alice\""), "{}", kept.text);
}

#[tokio::test]
async fn a_bulk_that_says_nothing_clear_votes_on_nothing() {
    let house = House::open().await;
    let (case, digest) = house.open_case("1").await;
    let pair = format!("{case}:{digest}");
    for form in [
        &[("on", pair.as_str())][..],
        &[("on", &pair), ("vote", "maybe")],
        &[("on", &pair), ("vote", "approve"), ("vote", "reject")],
        &[("on", &pair), ("vote", "approve"), ("by", "bob")],
        &[("on", &case), ("vote", "approve")],
        &[("vote", "approve")],
    ] {
        let page = votes(&house, "alice", form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{form:?}");
    }
    assert_eq!(house.digest(&case).await, digest);
    let open = house
        .operates("vera", "GET", "/v1/cases?state=open", "")
        .await;
    assert_eq!(open.json()["cases"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_that_is_not_understood_is_not_an_empty_list() {
    let house = House::open().await;
    payout(&house, "1", 250).await;
    let page = sees(&house, "alice", "/cases?q=taem%3Apayments").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    let said = words(&page.text);
    assert!(said.contains("Did you mean `team:`?"), "{said}");
    assert!(!said.contains("Nothing waits"), "{said}");
    for (query, number) in [
        ("team%3Apayments", 1),
        ("team%3Aother", 0),
        ("action%3Apay*+agent%3Abilling-bot", 1),
        ("state%3Adecided", 0),
    ] {
        let page = sees(&house, "alice", &format!("/cases?q={query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(page.text.matches("data-case=").count(), number, "{query}");
    }
    let typo = sees(&house, "alice", "/cases?quarry=x").await;
    assert_eq!(typo.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_was_decided_is_listed_with_whose_word_it_was() {
    let house = House::open().await;
    let refund =
        json!({"id": "1", "action": "refund", "context": {"amount": 20, "customer": "ann"}});
    let asked = house.asks("b-token", &refund).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let page = sees(&house, "alice", "/cases?view=decided").await.text;
    let said = settled(&house, &page);
    assert!(said.contains("refund by billing-bot"), "{said}");
    assert!(said.contains("approved\nby policy now"), "{said}");
}

/// A question of the source `agents`, with `input` as it was decided on.
async fn kept(house: &House, request: &str, input: String) -> String {
    let mut kept = contract::decided(request, Outcome::Escalate);
    kept.asked.source = name("agents");
    kept.asked.id = CaseId::derive(&kept.asked.source, "", &kept.asked.request);
    kept.asked.input = ContentDigest::of(&[input.as_bytes()]);
    kept.input = input.into();
    let id = kept.asked.id.to_string();
    house.store.commit(kept, contract::at(0)).await.unwrap();
    id
}

#[tokio::test]
async fn what_is_too_large_for_a_list_is_voted_on_from_its_page_alone() {
    let house = House::open().await;
    let input = |length: usize| {
        let note = "x".repeat(length);
        json!({"context": {"amount": 7, "note": note}}).to_string()
    };
    let small = kept(&house, "small", input(10)).await;
    let large = kept(&house, "large", input(64 * 1024)).await;
    let list = sees(&house, "alice", "/cases").await.text;
    assert!(list.contains(&format!("id=\"pick-{small}\"")));
    assert!(list.contains(&format!("id=\"open-{large}\"")));
    assert!(!list.contains(&format!("id=\"pick-{large}\"")));
    assert_eq!(list.matches("What is asked is on its page").count(), 1);
    let page = sees(&house, "alice", &format!("/cases/{large}")).await.text;
    assert!(page.contains("name=\"vote\" value=\"approve\""), "{page}");
}

#[tokio::test]
async fn a_request_that_nobody_proved_is_not_just_like_one_that_was() {
    let house = House::open().await;
    let input = |signature: bool| {
        let verified = json!({"signature": signature, "record": false});
        json!({"context": {"amount": 7}, "verified": verified}).to_string()
    };
    kept(&house, "proven", input(true)).await;
    kept(&house, "also proven", input(true)).await;
    kept(&house, "forged", input(false)).await;
    let list = sees(&house, "alice", "/cases").await.text;
    assert_eq!(list.matches("1 more just like it").count(), 2, "{list}");
}
