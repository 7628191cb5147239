//! Open questions, as people list them.

use std::sync::Arc;

use super::{at, decided, id, step};
use crate::domain::case::{Event, Resolved, State};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::person::{Person, Role};
use crate::domain::verdict::{Cause, Outcome, Terms};
use crate::store::{CaseOrder, CaseQuery, Decided, Store, StoreError};

fn question(request: &str, to: Option<&str>, within_seconds: u64) -> Decided {
    let mut question = decided(request, Outcome::Escalate);
    question.verdict.terms = Some(Terms {
        to: to.map(str::to_owned),
        votes: None,
        within_seconds: Some(within_seconds),
    });
    question
}

async fn found(store: &dyn Store, query: CaseQuery) -> Vec<String> {
    let page = store
        .cases(CaseQuery {
            limit: 500,
            ..query
        })
        .await
        .unwrap();
    page.cases
        .iter()
        .map(|case| case.asked.request.to_string())
        .collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) async fn questions_are_listed_by_deadline_and_found_by_whom_they_ask(
    store: Arc<dyn Store>,
) {
    let asked = [
        ("late", None, 500_u64),
        ("soon", Some("payments"), 100),
        ("tie 1", Some("managers"), 300),
        ("tie 2", Some("payments"), 300),
    ];
    for (request, to, within) in asked {
        // The text of a time with a fraction sorts before that of one without.
        let now = at(0) + jiff::SignedDuration::from_millis(within.cast_signed() % 7);
        store
            .commit(question(request, to, within), now)
            .await
            .unwrap();
    }
    super::new(&*store, "approved", Outcome::Approve).await;
    let by_deadline = CaseQuery {
        order: CaseOrder::Deadline,
        ..CaseQuery::default()
    };
    assert_eq!(
        found(&*store, by_deadline.clone()).await,
        ["soon", "tie 1", "tie 2", "late"]
    );
    let mut seen = Vec::new();
    let mut query = CaseQuery {
        limit: 1,
        ..by_deadline.clone()
    };
    loop {
        let page = store.cases(query.clone()).await.unwrap();
        assert_eq!(page.inputs.len(), page.cases.len());
        assert!(page.inputs[0].as_deref().unwrap().contains("amount"));
        seen.extend(page.cases.iter().map(|case| case.asked.request.to_string()));
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, ["soon", "tie 1", "tie 2", "late"]);
    // A cursor of one order is none of the other.
    let mixed = CaseQuery {
        cursor: some("5"),
        ..by_deadline.clone()
    };
    assert!(matches!(
        store.cases(mixed).await,
        Err(StoreError::Cursor(_))
    ));

    let waiting = store.waiting().await.unwrap().into_iter();
    assert_eq!(
        waiting
            .map(|team| (team.team, team.open))
            .collect::<Vec<_>>(),
        [(None, 1), (some("managers"), 1), (some("payments"), 2)]
    );
    let theirs = CaseQuery {
        asked: Some(vec!["managers".to_owned()]),
        ..by_deadline.clone()
    };
    assert_eq!(found(&*store, theirs).await, ["tie 1", "late"]);
    let team = |team: &str| CaseQuery {
        team: some(team),
        ..CaseQuery::default()
    };
    assert_eq!(found(&*store, team("PAYMENTS")).await, ["tie 2", "soon"]);
    assert_eq!(found(&*store, team("pay*")).await.len(), 2);
    assert!(found(&*store, team("pay")).await.is_empty());
    assert!(found(&*store, team("p_yments")).await.is_empty());
    assert!(found(&*store, team("' OR 1 --")).await.is_empty());

    let shown = store.case(id("soon")).await.unwrap().unwrap().case.shown();
    let vote = Event::Voted {
        by: Person {
            name: "Alice".to_owned(),
            email: None,
            role: Role::Admin,
            teams: std::collections::BTreeSet::default(),
            also: std::collections::BTreeSet::new(),
        },
        via: Via::Web,
        vote: Ballot::Reject,
        reason: None,
        shown,
    };
    step(&*store, "soon", vote, 1).await;
    let after = store.case(id("soon")).await.unwrap().unwrap().case;
    assert!(!matches!(after.state, State::Open(_)));
    let by = |by: &str| CaseQuery {
        by: some(by),
        ..CaseQuery::default()
    };
    assert_eq!(found(&*store, by("alice")).await, ["soon"]);
    assert_eq!(found(&*store, by("policy")).await, ["approved"]);
    let rejected = CaseQuery {
        ending: Some(Resolved::Rejected),
        ..CaseQuery::default()
    };
    assert_eq!(found(&*store, rejected).await, ["soon"]);
    let decided = CaseQuery {
        state: some("decided"),
        ..CaseQuery::default()
    };
    assert_eq!(found(&*store, decided).await, ["approved", "soon"]);
    let failed = CaseQuery {
        cause: Some(Cause::PolicyError),
        ..CaseQuery::default()
    };
    assert!(found(&*store, failed).await.is_empty());
    let named = CaseQuery {
        agent: some("billing-BOT"),
        action: some("stripe.*"),
        ..CaseQuery::default()
    };
    assert_eq!(found(&*store, named).await.len(), 5);
}
