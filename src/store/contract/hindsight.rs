//! What people look up when they decide.

use std::sync::Arc;

use super::{at, claim, decided, given_up, id, new, read, settle, step, vote};
use crate::domain::case::{Event, Resolved, Told};
use crate::domain::effect::Ballot;
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::{FiredRule, Outcome, RuleSet};
use crate::store::{LogQuery, Store};

async fn asks(store: &dyn Store, request: &str, action: Option<&str>, agent: &str) {
    let mut decided = decided(request, Outcome::Escalate);
    decided.asked.action = action.map(str::to_owned);
    decided.asked.agent = Some(agent.to_owned());
    store.commit(decided, at(0)).await.unwrap();
}

async fn says(store: &dyn Store, request: &str, ballot: Ballot) {
    let case = read(store, request).await;
    step(store, request, vote(&case, "alice", ballot), 1).await;
}

pub(crate) async fn earlier_decisions_of_people_are_found_by_action_those_of_the_agent_first(
    store: Arc<dyn Store>,
) {
    let refund = Some("stripe.refund");
    for (request, action, agent) in [
        ("mine", refund, "bot"),
        ("theirs", refund, "other"),
        ("mine too", refund, "bot"),
        ("elsewhere", refund, "bot"),
        ("open", refund, "bot"),
        ("late", refund, "bot"),
        ("payout", Some("payout"), "bot"),
        ("nameless", None, "bot"),
        ("asked", refund, "bot"),
    ] {
        asks(&*store, request, action, agent).await;
    }
    new(&*store, "by policy", Outcome::Approve).await;
    says(&*store, "mine", Ballot::Approve).await;
    says(&*store, "theirs", Ballot::Reject).await;
    says(&*store, "mine too", Ballot::Reject).await;
    says(&*store, "payout", Ballot::Approve).await;
    says(&*store, "nameless", Ballot::Approve).await;
    step(&*store, "late", Event::TimePassed, 3600).await;
    let word = Event::PlatformResolved {
        outcome: Some(PlatformOutcome::Approved),
        by: Some("carol".to_owned()),
        reason: None,
        told: Told::ByThePlatform,
    };
    step(&*store, "elsewhere", word, 1).await;

    let asked = read(&*store, "asked").await;
    let found = store.similar(&asked, 10).await.unwrap();
    let ids: Vec<_> = found.iter().map(|found| found.case_id).collect();
    assert_eq!(
        ids,
        [id("elsewhere"), id("mine too"), id("mine"), id("theirs")]
    );
    assert_eq!(found[0].platform_outcome, Some(PlatformOutcome::Approved));
    assert_eq!(found[1].resolution.outcome, Resolved::Rejected);
    assert_eq!(found[3].agent.as_deref(), Some("other"));
    assert_eq!(store.similar(&asked, 2).await.unwrap(), found[..2]);
    // A case is no precedent of its own.
    let mine = read(&*store, "mine").await;
    let found = store.similar(&mine, 10).await.unwrap();
    assert!(found.iter().all(|found| found.case_id != id("mine")));
    let nameless = read(&*store, "nameless").await;
    assert_eq!(store.similar(&nameless, 10).await.unwrap(), []);
}

pub(crate) async fn what_is_not_done_of_a_case_is_told_and_nothing_of_another(
    store: Arc<dyn Store>,
) {
    new(&*store, "a", Outcome::Approve).await;
    new(&*store, "b", Outcome::Approve).await;
    let out = claim(&*store, 0).await;
    let of_a = out.iter().find(|claim| {
        let case = claim.case.as_ref();
        case.is_some_and(|case| case.asked.id == id("a"))
    });
    settle(&*store, of_a.unwrap().id, given_up(), 1).await;
    let effects = store.effects_of(id("a")).await.unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(
        (effects[0].state.as_str(), effects[0].attempts),
        ("dead", 1)
    );
    assert_eq!(effects[0].error.as_deref(), Some("401 from the platform"));
    assert_eq!(store.effects_of(id("nobody")).await.unwrap(), []);
}

pub(crate) async fn the_log_is_paged_from_the_end_by_kind_and_by_case(store: Arc<dyn Store>) {
    for number in 0..5 {
        new(&*store, &format!("r{number}"), Outcome::Escalate).await;
    }
    says(&*store, "r1", Ballot::Reject).await;
    let page = async |query: LogQuery| {
        let page = store.log_page(query).await.unwrap();
        let numbers: Vec<u64> = page.lines.iter().map(|line| line.sequence).collect();
        (numbers, page.next)
    };
    let all = |before, limit| LogQuery {
        before,
        limit,
        ..LogQuery::default()
    };
    assert_eq!(page(all(None, 4)).await, (vec![6, 5, 4, 3], Some(3)));
    assert_eq!(page(all(Some(3), 4)).await, (vec![2, 1], None));
    assert_eq!(page(all(Some(1), 4)).await, (vec![], None));
    assert_eq!(page(all(Some(u64::MAX), 1)).await, (vec![6], Some(6)));
    let kind = |kind, case| LogQuery {
        kind: Some(kind),
        case,
        limit: 9,
        before: None,
    };
    assert_eq!(page(kind(EntryKind::Resolved, None)).await.0, [6]);
    assert_eq!(page(kind(EntryKind::Frozen, None)).await, (vec![], None));
    assert_eq!(
        page(kind(EntryKind::Decided, Some(id("r1")))).await,
        (vec![2], None)
    );
    let case = |case, before| LogQuery {
        case: Some(case),
        before,
        limit: 1,
        ..LogQuery::default()
    };
    assert_eq!(page(case(id("r1"), None)).await, (vec![6], Some(6)));
    assert_eq!(page(case(id("r1"), Some(6))).await, (vec![2], None));
    assert_eq!(page(case(id("nobody"), None)).await, (vec![], None));
}

pub(crate) async fn rules_are_counted_once_for_each_case_in_which_they_fired(
    store: Arc<dyn Store>,
) {
    let rule = |id: &str| FiredRule {
        id: id.to_owned(),
        set: RuleSet::Approve,
        title: id.to_owned(),
        reason: "r".to_owned(),
        file: "a.rego".to_owned(),
        line: 1,
        conditions: Vec::new(),
    };
    for (request, rules) in [
        ("old", vec!["a"]),
        ("one", vec!["a", "a", "b"]),
        ("two", vec!["a"]),
    ] {
        let mut decided = decided(request, Outcome::Approve);
        decided.verdict.rules = rules.into_iter().map(rule).collect();
        store.commit(decided, at(7)).await.unwrap();
    }
    let counts = store.fired(2).await.unwrap();
    assert_eq!((counts.cases, counts.since), (2, Some(at(7))));
    let rules: Vec<_> = counts
        .rules
        .iter()
        .map(|(id, times)| (&**id, *times))
        .collect();
    assert_eq!(rules, [("a", 2), ("b", 1)]);
}
