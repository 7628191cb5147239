//! What every store has to do, told as tests over the port. An adapter gives each of them a fresh store.

mod received;
mod questions;
mod hindsight;
mod attempts;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::case::{
    Asked, Case, CaseTerms, Channel, Event, Mode, Refused, Resolved, Resolver, State, Told, Whose,
};
use crate::domain::effect::{
    Ballot, Effect, EffectId, EffectKind, Forward, Planned, Reached, Release,
};
use crate::domain::escalation::{EscalationDefaults, Via};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, ContentDigest, RequestId, Revision, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::person::{Person, Role};
use crate::domain::platform::PlatformOutcome;
use crate::domain::team::People;
use crate::domain::verdict::{Cause, Outcome, Verdict};
use crate::secret::Secret;
use crate::store::{
    Attempt, CaseQuery, Claim, Decided, Receipt, Retried, Stepped, Store, StoreError, StoredSet,
};

pub(crate) use attempts::*;
pub(crate) use hindsight::*;
pub(crate) use questions::*;
pub(crate) use received::*;

/// Makes a test of each of these functions, with a store that `$fresh` gives and keeps.
macro_rules! contract {
    ($fresh:expr; $($law:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $law() {
            let (store, _keep) = $fresh;
            crate::store::contract::$law(store.clone()).await;
            assert_eq!(store.verify_log().await.unwrap().faults, Vec::<String>::new());
            store.close().await;
        }
    )*};
}
pub(crate) use contract;

/// Every law, for an adapter's own test module.
macro_rules! all_laws {
    ($fresh:expr) => {
        crate::store::contract::contract! { $fresh;
            a_request_delivered_many_times_at_once_is_one_case
            what_is_answered_is_what_is_read_back
            the_same_id_with_other_content_is_a_conflict_that_is_logged_once_for_each_content
            a_freeze_turns_approvals_into_questions_and_holds_those_that_wait
            a_case_moves_by_steps_alone
            votes_resolve_a_case_once
            an_effect_is_given_to_one_worker_at_a_time
            a_lease_that_ran_out_is_given_again_as_perhaps_arrived
            forwards_of_one_lane_leave_one_after_the_other
            a_given_up_answer_waits_for_a_person
            an_answer_that_two_workers_gave_up_still_waits_for_a_person
            whoever_is_owed_something_is_known
            a_forward_that_is_retried_has_time_again
            an_answer_taken_back_while_it_is_on_its_way_still_tells_what_the_platform_has
            dry_run_gives_nothing_out
            the_source_of_a_case_is_known_without_the_rest_of_it
            pages_follow_each_other_and_filters_take_text_as_it_is
            questions_are_listed_by_deadline_and_found_by_whom_they_ask
            the_clock_finds_the_cases_it_moves
            sets_that_served_are_kept
            the_log_is_read_from_both_ends
            what_platforms_decided_can_be_compared
            those_who_watch_hear_of_every_change
            a_closed_store_is_unavailable
            what_is_received_is_decided_on_the_record_that_is_read_back
            a_freeze_that_came_meanwhile_holds_what_the_record_would_approve
            what_ended_before_its_record_was_read_is_not_decided_any_more
            an_event_that_came_before_is_not_passed_on_again
            what_is_taken_back_is_as_if_it_had_never_been
            earlier_decisions_of_people_are_found_by_action_those_of_the_agent_first
            what_is_not_done_of_a_case_is_told_and_nothing_of_another
            the_log_is_paged_from_the_end_by_kind_and_by_case
            rules_are_counted_once_for_each_case_in_which_they_fired
            every_attempt_to_tell_a_team_is_on_the_timeline_with_its_channel
            what_was_not_sent_since_it_is_out_of_date_is_not_told
            every_attempt_to_answer_or_pass_on_is_on_the_timeline
            an_attempt_that_was_under_way_when_its_answer_was_taken_back_is_on_the_timeline
        }
    };
}
pub(crate) use all_laws;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub(crate) fn terms() -> Arc<CaseTerms> {
    Arc::new(CaseTerms {
        mode: Mode::Enforce,
        channel: Channel::Answer,
        answer_within: SignedDuration::from_mins(15),
        give_up_after: SignedDuration::from_hours(24),
        people: Arc::new(People::without_teams(EscalationDefaults {
            to: None,
            votes: 1,
            within: SignedDuration::from_hours(1),
        })),
        rationale_limit: 500,
    })
}

pub(crate) fn source() -> SourceName {
    SourceName::parse("refunds").unwrap()
}

pub(crate) fn id(request: &str) -> CaseId {
    CaseId::derive(&source(), "", &RequestId::parse(request).unwrap())
}

pub(crate) fn decided(request: &str, outcome: Outcome) -> Decided {
    let input = format!(r#"{{"id":"{request}","context":{{"amount":50}}}}"#);
    Decided {
        confirm_by: None,
        asked: Asked {
            id: id(request),
            source: source(),
            platform: "tracemem".to_owned(),
            request: RequestId::parse(request).unwrap(),
            action: Some("stripe.refund".to_owned()),
            agent: Some("billing-bot".to_owned()),
            expires_at: None,
            rationale_required: false,
            content: ContentDigest::of(&[request.as_bytes()]),
            input: ContentDigest::of(&[input.as_bytes()]),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        },
        verdict: Verdict {
            doubt: None,
            outcome,
            cause: Cause::Rule,
            rules: Vec::new(),
            evidence: Vec::new(),
            failures: Vec::new(),
            terms: None,
            freeze: None,
            revision: Revision::of([7; 32]),
            nearest: Vec::new(),
            counterfactual: None,
        },
        input: input.into(),
        token: Some(Secret::new(format!("token-of-{request}"))),
        terms: terms(),
        forward: None,
    }
}

pub(crate) async fn new(store: &dyn Store, request: &str, outcome: Outcome) -> Case {
    match store
        .commit(decided(request, outcome), at(0))
        .await
        .unwrap()
    {
        Receipt::New(case) => case,
        other @ (Receipt::Duplicate(_) | Receipt::Conflict(_)) => panic!("{other:?}"),
    }
}

pub(crate) async fn claim(store: &dyn Store, now: i64) -> Vec<Claim> {
    let (mut claims, source) = (Vec::new(), source());
    for kind in EffectKind::OF_SOURCES {
        let claimed = store.claim(&source, kind, 100, at(now), at(now + 60));
        claims.extend(claimed.await.unwrap());
    }
    claims
}

async fn next_due(store: &dyn Store) -> Option<Timestamp> {
    let mut due = Vec::new();
    for kind in EffectKind::OF_SOURCES {
        due.extend(store.next_due(&source(), kind).await.unwrap());
    }
    due.into_iter().min()
}

async fn read(store: &dyn Store, request: &str) -> Case {
    store.case(id(request)).await.unwrap().unwrap().case
}

async fn kinds(store: &dyn Store, request: &str) -> Vec<&'static str> {
    let file = store.case(id(request)).await.unwrap().unwrap();
    file.timeline
        .iter()
        .map(|line| line.kind.as_str())
        .collect()
}

async fn step(store: &dyn Store, request: &str, event: Event, now: i64) -> Stepped {
    store
        .step(id(request), event, terms(), at(now))
        .await
        .unwrap()
}

async fn settle(store: &dyn Store, id: EffectId, attempt: Attempt, now: i64) {
    store.settle(id, attempt, terms(), at(now)).await.unwrap();
}

fn taken() -> Attempt {
    Attempt::Done(Some(Event::AnswerTaken { platform: None }))
}

fn given_up() -> Attempt {
    Attempt::Dead {
        error: "401 from the platform".to_owned(),
        event: Some(Event::AnswerGivenUp {
            error: "401 from the platform".to_owned(),
        }),
    }
}

pub(crate) fn vote(case: &Case, by: &str, ballot: Ballot) -> Event {
    Event::Voted {
        by: Person {
            name: by.to_owned(),
            email: None,
            role: Role::Approver,
            teams: BTreeSet::new(),
            also: BTreeSet::new(),
        },
        via: Via::Api,
        vote: ballot,
        reason: Some("looked at it".to_owned()),
        shown: case.shown(),
    }
}

fn forward(lane: &str, body: &str) -> Planned {
    Planned {
        effect: Effect::Forward(Forward {
            source: source(),
            lane: lane.to_owned(),
            headers: vec![("x-signature".to_owned(), "abc".to_owned())],
            body: body.as_bytes().to_vec(),
        }),
        release: Release::Send,
        not_after: at(3600),
    }
}

fn body(claim: &Claim) -> &[u8] {
    match &claim.effect {
        Effect::Forward(forward) => &forward.body,
        other @ (Effect::Answer(_) | Effect::Confirm | Effect::Notify(_)) => panic!("{other:?}"),
    }
}

pub(crate) async fn a_request_delivered_many_times_at_once_is_one_case(store: Arc<dyn Store>) {
    let deliveries = (0..64).map(|_| {
        let store = Arc::clone(&store);
        async move {
            store
                .commit(decided("a", Outcome::Approve), at(0))
                .await
                .unwrap()
        }
    });
    let receipts = futures_util::future::join_all(deliveries).await;
    let new = |receipt: &&Receipt| matches!(receipt, Receipt::New(_));
    let duplicate = |receipt: &&Receipt| matches!(receipt, Receipt::Duplicate(_));
    assert_eq!(receipts.iter().filter(new).count(), 1);
    assert_eq!(receipts.iter().filter(duplicate).count(), 63);
    assert_eq!(claim(&*store, 0).await.len(), 1);
    assert_eq!(kinds(&*store, "a").await, ["decided"]);
}

pub(crate) async fn what_is_answered_is_what_is_read_back(store: Arc<dyn Store>) {
    let mut odd = decided("a%_\\ '\"é", Outcome::Escalate);
    odd.asked.expires_at = Some(Timestamp::from_nanosecond(1_780_000_500_123_456_789).unwrap());
    odd.asked.rationale_required = true;
    let input = Arc::clone(&odd.input);
    let odd_now = Timestamp::from_nanosecond(1_780_000_000_000_001_999).unwrap();
    let Receipt::New(answered) = store.commit(odd.clone(), odd_now).await.unwrap() else {
        panic!("it is new");
    };
    let file = store.case(odd.asked.id).await.unwrap().unwrap();
    assert_eq!(file.case, answered);
    assert_eq!(file.case.shown(), answered.shown());
    assert_eq!(file.input, Some(input));
    assert_eq!(file.timeline[0].at, answered.decided_at);
    let again = store.commit(odd, at(9)).await.unwrap();
    assert_eq!(again, Receipt::Duplicate(answered.clone()));
    let event = vote(&answered, "alice", Ballot::Approve);
    let moved = store
        .step(answered.asked.id, event, terms(), odd_now)
        .await
        .unwrap();
    let Stepped::Moved(moved) = moved else {
        panic!("it moves");
    };
    assert_eq!(
        store.case(answered.asked.id).await.unwrap().unwrap().case,
        moved.case
    );
    assert_eq!(store.case(id("nobody's")).await.unwrap(), None);
}

pub(crate) async fn the_same_id_with_other_content_is_a_conflict_that_is_logged_once_for_each_content(
    store: Arc<dyn Store>,
) {
    let first = new(&*store, "a", Outcome::Approve).await;
    for content in ["x", "y", "x", "y", "x"] {
        let mut other = decided("a", Outcome::Reject);
        other.asked.content = ContentDigest::of(&[content.as_bytes()]);
        let receipt = store.commit(other, at(1)).await.unwrap();
        assert_eq!(receipt, Receipt::Conflict(first.clone()));
    }
    assert_eq!(
        kinds(&*store, "a").await,
        ["decided", "conflict", "conflict"]
    );
    assert_eq!(read(&*store, "a").await, first);
}

pub(crate) async fn a_freeze_turns_approvals_into_questions_and_holds_those_that_wait(
    store: Arc<dyn Store>,
) {
    new(&*store, "before", Outcome::Approve).await;
    let freeze = |by: &str| Freeze {
        by: by.to_owned(),
        reason: "an incident".to_owned(),
        since: at(1),
    };
    assert_eq!(store.frozen().await.unwrap(), None);
    assert_eq!(store.freeze(freeze("alice")).await.unwrap().by, "alice");
    assert_eq!(store.freeze(freeze("bob")).await.unwrap().by, "alice");
    assert_eq!(store.frozen().await.unwrap(), Some(freeze("alice")));

    let asked = new(&*store, "during", Outcome::Approve).await;
    assert_eq!(
        (asked.outcome, asked.cause),
        (Outcome::Escalate, Cause::Frozen)
    );
    assert_eq!(asked.verdict.freeze, Some(freeze("alice")));
    assert_eq!(read(&*store, "during").await, asked);
    new(&*store, "no", Outcome::Reject).await;
    let out = claim(&*store, 2).await;
    let requests: Vec<_> = out
        .iter()
        .map(|claim| claim.case.as_ref().unwrap().asked.request.as_str())
        .collect();
    assert_eq!(
        requests,
        ["no"],
        "a rejection leaves, what policy approved does not"
    );
    settle(&*store, out[0].id, taken(), 2).await;
    assert_eq!(store.outbox(10).await.unwrap()[0].state, "held");
    assert_eq!(
        next_due(&*store).await,
        Some(at(15 * 60) + SignedDuration::from_micros(1))
    );

    let person = vote(&asked, "carol", Ballot::Approve);
    assert!(matches!(
        step(&*store, "during", person, 3).await,
        Stepped::Moved(_)
    ));
    let out = claim(&*store, 3).await;
    assert_eq!(out.len(), 1, "what a person approved leaves");
    settle(&*store, out[0].id, taken(), 3).await;

    assert!(claim(&*store, 15 * 60).await.is_empty());
    let late = claim(&*store, 15 * 60 + 1).await;
    assert_eq!(
        late.len(),
        1,
        "after its last moment it is given out, to become a question"
    );
    let back = Attempt::Again {
        at: at(15 * 60),
        error: "frozen".to_owned(),
        reached: Reached::No,
    };
    settle(&*store, late[0].id, back, 15 * 60).await;
    assert_eq!(
        store.unfreeze("bob", at(4)).await.unwrap(),
        Some(freeze("alice"))
    );
    assert_eq!(store.unfreeze("bob", at(4)).await.unwrap(), None);
    assert_eq!(store.frozen().await.unwrap(), None);
    let after = new(&*store, "after", Outcome::Approve).await;
    assert_eq!(after.outcome, Outcome::Approve);
}

pub(crate) async fn a_case_moves_by_steps_alone(store: Arc<dyn Store>) {
    let unknown = step(&*store, "nobody's", Event::TimePassed, 0).await;
    assert_eq!(unknown, Stepped::Unknown);
    let case = new(&*store, "a", Outcome::Escalate).await;
    let early = step(&*store, "a", Event::TimePassed, 1).await;
    assert_eq!(early, Stepped::Stayed(case, Refused::Nothing));
    let Stepped::Moved(expired) = step(&*store, "a", Event::TimePassed, 3600).await else {
        panic!("it expires");
    };
    assert_eq!(expired.ended.unwrap().since, Some(at(0)));
    let expired = expired.case;
    assert_eq!(expired.resolution().unwrap().by, Resolver::Deadline);
    assert_eq!(read(&*store, "a").await, expired);
    assert_eq!(kinds(&*store, "a").await, ["decided", "expired"]);
}

pub(crate) async fn votes_resolve_a_case_once(store: Arc<dyn Store>) {
    let case = new(&*store, "a", Outcome::Escalate).await;
    let votes = (0..32).map(|number| {
        let store = Arc::clone(&store);
        let ballot = if number % 2 == 0 {
            Ballot::Approve
        } else {
            Ballot::Reject
        };
        let event = vote(&case, &format!("person {number}"), ballot);
        async move { step(&*store, "a", event, 1).await }
    });
    let stepped = futures_util::future::join_all(votes).await;
    let moved = stepped
        .iter()
        .filter(|stepped| matches!(stepped, Stepped::Moved(_)));
    assert_eq!(moved.count(), 1);
    assert_eq!(claim(&*store, 1).await.len(), 1);
    assert_eq!(kinds(&*store, "a").await, ["decided", "resolved"]);
}

pub(crate) async fn an_effect_is_given_to_one_worker_at_a_time(store: Arc<dyn Store>) {
    for number in 0..40 {
        new(&*store, &format!("r{number}"), Outcome::Approve).await;
    }
    let workers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        async move {
            store
                .claim(&source(), EffectKind::Answer, 10, at(0), at(60))
                .await
                .unwrap()
        }
    });
    let claims: Vec<Claim> = futures_util::future::join_all(workers)
        .await
        .into_iter()
        .flatten()
        .collect();
    let ids: HashSet<_> = claims.iter().map(|claim| claim.id).collect();
    assert_eq!((claims.len(), ids.len()), (40, 40));
    let first = &claims[0];
    assert_eq!((first.attempts, first.reached), (0, Reached::No));
    let request = first.case.as_ref().unwrap().asked.request.clone();
    assert_eq!(
        first.token.as_ref().unwrap().expose(),
        format!("token-of-{request}")
    );
    assert!(!format!("{first:?}").contains("token-of"));
    assert_eq!(next_due(&*store).await, Some(at(60)));
    for claim in &claims {
        settle(&*store, claim.id, taken(), 1).await;
    }
    assert_eq!(store.outbox(10).await.unwrap(), []);
    assert_eq!(next_due(&*store).await, None);
    assert_eq!(kinds(&*store, "r0").await, ["decided", "answered"]);
    let other = SourceName::parse("other").unwrap();
    assert!(
        store
            .claim(&other, EffectKind::Answer, 10, at(0), at(60))
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_lease_that_ran_out_is_given_again_as_perhaps_arrived(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Approve).await;
    let first = claim(&*store, 0).await;
    assert!(claim(&*store, 59).await.is_empty());
    let second = claim(&*store, 60).await;
    assert_eq!(second[0].id, first[0].id);
    assert_eq!(
        (second[0].attempts, second[0].reached),
        (1, Reached::Perhaps)
    );
    let failed = Attempt::Again {
        at: at(90),
        error: "503".to_owned(),
        reached: Reached::No,
    };
    settle(&*store, second[0].id, failed, 61).await;
    assert!(claim(&*store, 89).await.is_empty());
    let third = claim(&*store, 90).await;
    assert_eq!((third[0].attempts, third[0].reached), (2, Reached::Perhaps));
    settle(&*store, third[0].id, taken(), 91).await;
    settle(&*store, first[0].id, taken(), 92).await;
    assert_eq!(
        kinds(&*store, "a").await,
        ["decided", "attempt_failed", "answered"]
    );
}

pub(crate) async fn forwards_of_one_lane_leave_one_after_the_other(store: Arc<dyn Store>) {
    let mut request = decided("a", Outcome::Escalate);
    request.forward = Some(forward("refunds a", "a1"));
    store.commit(request.clone(), at(0)).await.unwrap();
    store.commit(request, at(0)).await.unwrap();
    store
        .forward(forward("refunds a", "a2"), None, at(0))
        .await
        .unwrap();
    store
        .forward(forward("refunds b", "b1"), None, at(0))
        .await
        .unwrap();
    let first = claim(&*store, 0).await;
    assert_eq!(first.iter().map(body).collect::<Vec<_>>(), [b"a1", b"b1"]);
    assert!(
        claim(&*store, 1).await.is_empty(),
        "a2 waits for a1, which is on its way"
    );
    assert_eq!(next_due(&*store).await, Some(at(60)));
    let again = Attempt::Again {
        at: at(10),
        error: "503".to_owned(),
        reached: Reached::No,
    };
    settle(&*store, first[0].id, again, 1).await;
    assert!(
        claim(&*store, 2).await.is_empty(),
        "a2 waits for a1, which is tried again"
    );
    assert_eq!(next_due(&*store).await, Some(at(10)));
    let second = claim(&*store, 10).await;
    assert_eq!(second.iter().map(body).collect::<Vec<_>>(), [b"a1"]);
    settle(&*store, second[0].id, Attempt::Done(None), 11).await;
    let third = claim(&*store, 11).await;
    assert_eq!(third.iter().map(body).collect::<Vec<_>>(), [b"a2"]);
    let dead = Attempt::Dead {
        error: "410".to_owned(),
        event: None,
    };
    settle(&*store, third[0].id, dead, 12).await;
    store
        .forward(forward("refunds a", "a3"), None, at(13))
        .await
        .unwrap();
    let fourth = claim(&*store, 13).await;
    assert_eq!(
        fourth.iter().map(body).collect::<Vec<_>>(),
        [b"a3"],
        "a dead letter holds nobody up"
    );
}

pub(crate) async fn a_given_up_answer_waits_for_a_person(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Approve).await;
    let out = claim(&*store, 0).await;
    let effect = out[0].id;
    assert_eq!(
        store.retry(effect, "alice", terms(), at(1)).await.unwrap(),
        Retried::NotDead
    );
    settle(&*store, effect, given_up(), 1).await;
    assert!(claim(&*store, 2).await.is_empty());
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.open, counts.due, counts.dead), (0, 0, 1));
    let item = store.effect(effect).await.unwrap().unwrap();
    assert_eq!((item.state.as_str(), item.attempts), ("dead", 1));
    assert_eq!(item.case_id, Some(id("a")));
    assert_eq!(item.error.as_deref(), Some("401 from the platform"));
    assert_eq!(store.outbox(10).await.unwrap(), [item]);

    assert_eq!(
        store.retry(effect, "alice", terms(), at(2)).await.unwrap(),
        Retried::Due
    );
    let out = claim(&*store, 2).await;
    assert_eq!(
        out[0].not_after,
        at(15 * 60),
        "an approval has no more time than before"
    );
    settle(&*store, effect, taken(), 3).await;
    assert_eq!(
        store.retry(effect, "alice", terms(), at(4)).await.unwrap(),
        Retried::Unknown
    );
    assert_eq!(
        kinds(&*store, "a").await,
        ["decided", "dead_lettered", "retried", "answered"]
    );
}

pub(crate) async fn an_answer_that_two_workers_gave_up_still_waits_for_a_person(
    store: Arc<dyn Store>,
) {
    new(&*store, "a", Outcome::Reject).await;
    let effect = claim(&*store, 0).await[0].id;
    // The lease ran out under the first one.
    assert_eq!(claim(&*store, 61).await[0].id, effect);
    settle(&*store, effect, given_up(), 62).await;
    settle(&*store, effect, given_up(), 63).await;
    let retried = store.retry(effect, "alice", terms(), at(64)).await;
    assert_eq!(retried.unwrap(), Retried::Due);
    assert_eq!(claim(&*store, 64).await[0].id, effect);
}

pub(crate) async fn whoever_is_owed_something_is_known(store: Arc<dyn Store>) {
    assert_eq!(store.owed().await.unwrap(), []);
    new(&*store, "a", Outcome::Approve).await;
    new(&*store, "b", Outcome::Approve).await;
    assert_eq!(store.owed().await.unwrap(), [source()]);
    let out = claim(&*store, 0).await;
    settle(&*store, out[0].id, taken(), 1).await;
    settle(&*store, out[1].id, given_up(), 1).await;
    assert_eq!(
        store.owed().await.unwrap(),
        [source()],
        "a dead letter can be retried"
    );
    store
        .retry(out[1].id, "alice", terms(), at(2))
        .await
        .unwrap();
    claim(&*store, 2).await;
    settle(&*store, out[1].id, taken(), 3).await;
    assert_eq!(store.owed().await.unwrap(), []);
}

pub(crate) async fn a_forward_that_is_retried_has_time_again(store: Arc<dyn Store>) {
    store
        .forward(forward("refunds a", "a1"), None, at(0))
        .await
        .unwrap();
    let out = claim(&*store, 0).await;
    let dead = Attempt::Dead {
        error: "gone".to_owned(),
        event: None,
    };
    settle(&*store, out[0].id, dead, 1).await;
    assert_eq!(
        store
            .retry(out[0].id, "alice", terms(), at(90_000))
            .await
            .unwrap(),
        Retried::Due
    );
    let out = claim(&*store, 90_000).await;
    assert_eq!(out[0].not_after, at(90_000 + 24 * 3600));
    assert!(out[0].case.is_none());
}

pub(crate) async fn an_answer_taken_back_while_it_is_on_its_way_still_tells_what_the_platform_has(
    store: Arc<dyn Store>,
) {
    new(&*store, "a", Outcome::Approve).await;
    let approval = claim(&*store, 0).await;
    let late = Event::AnswerTooLate {
        error: "too slow".to_owned(),
    };
    let Stepped::Moved(asked) = step(&*store, "a", late, 1).await else {
        panic!("it becomes a question");
    };
    assert!(
        claim(&*store, 100).await.is_empty(),
        "what was taken back is not given again"
    );
    assert_eq!(store.outbox(10).await.unwrap(), []);
    step(
        &*store,
        "a",
        vote(&asked.case, "alice", Ballot::Reject),
        101,
    )
    .await;
    let rejection = claim(&*store, 101).await;
    assert_eq!(rejection.len(), 1);
    settle(&*store, approval[0].id, taken(), 102).await;
    let case = read(&*store, "a").await;
    assert_eq!(case.resolution().unwrap().outcome, Resolved::Superseded);
    assert_eq!(case.platform_outcome, Some(PlatformOutcome::Approved));
    let refused = Attempt::Done(Some(Event::AnswerNotNeeded {
        platform: None,
        ours: Whose::NotOurs,
    }));
    settle(&*store, rejection[0].id, refused, 103).await;
    assert_eq!(read(&*store, "a").await, case);
}

pub(crate) async fn dry_run_gives_nothing_out(store: Arc<dyn Store>) {
    let mut dry = decided("a", Outcome::Approve);
    dry.terms = Arc::new(CaseTerms {
        mode: Mode::DryRun,
        ..(*terms()).clone()
    });
    dry.forward = Some(forward("refunds a", "a1"));
    store.commit(dry, at(0)).await.unwrap();
    let out = claim(&*store, 0).await;
    assert_eq!(
        out.iter().map(body).collect::<Vec<_>>(),
        [b"a1"],
        "an event is passed on in every mode"
    );
    settle(&*store, out[0].id, Attempt::Done(None), 1).await;
    assert!(claim(&*store, 1000).await.is_empty());
    assert_eq!(store.outbox(10).await.unwrap()[0].state, "would");
    assert_eq!(store.counts().await.unwrap().due, 0);
}

pub(crate) async fn pages_follow_each_other_and_filters_take_text_as_it_is(store: Arc<dyn Store>) {
    for number in 0..7 {
        new(&*store, &format!("order_{number}"), Outcome::Escalate).await;
    }
    new(&*store, "order%8", Outcome::Approve).await;
    let mut seen = Vec::new();
    let mut query = CaseQuery {
        limit: 3,
        ..CaseQuery::default()
    };
    loop {
        let page = store.cases(query.clone()).await.unwrap();
        seen.extend(page.cases.iter().map(|case| case.asked.request.to_string()));
        // Newer cases do not move the pages that follow.
        let newer = format!("newer {}", seen.len());
        new(&*store, &newer, Outcome::Reject).await;
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(
        seen,
        [
            "order%8", "order_6", "order_5", "order_4", "order_3", "order_2", "order_1", "order_0"
        ]
    );
    let found = |query: CaseQuery| {
        let store = Arc::clone(&store);
        async move {
            store
                .cases(CaseQuery {
                    limit: 500,
                    ..query
                })
                .await
                .unwrap()
                .cases
                .len()
        }
    };
    let text = |text: &str| CaseQuery {
        text: Some(text.to_owned()),
        ..CaseQuery::default()
    };
    assert_eq!(found(text("order_")).await, 7);
    assert_eq!(found(text("%")).await, 1);
    assert_eq!(found(text("BILLING")).await, 11);
    assert_eq!(found(text("stripe")).await, 11);
    let open = CaseQuery {
        state: Some("open".to_owned()),
        ..CaseQuery::default()
    };
    assert_eq!(found(open).await, 7);
    let rejected = CaseQuery {
        outcome: Some(Outcome::Reject),
        ..CaseQuery::default()
    };
    assert_eq!(found(rejected).await, 3);
    let elsewhere = CaseQuery {
        source: Some(SourceName::parse("other").unwrap()),
        ..CaseQuery::default()
    };
    assert_eq!(found(elsewhere).await, 0);
    let forged = CaseQuery {
        cursor: Some("' OR 1".to_owned()),
        limit: 1,
        ..CaseQuery::default()
    };
    assert!(matches!(
        store.cases(forged).await,
        Err(StoreError::Cursor(_))
    ));
}

pub(crate) async fn the_clock_finds_the_cases_it_moves(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Escalate).await;
    new(&*store, "b", Outcome::Reject).await;
    assert_eq!(store.waking(at(3599), 10).await.unwrap(), []);
    assert_eq!(
        store.waking(at(3600), 10).await.unwrap(),
        [(id("a"), source())]
    );
    step(&*store, "a", Event::TimePassed, 3600).await;
    assert_eq!(store.waking(at(9999), 10).await.unwrap(), []);
}

pub(crate) async fn sets_that_served_are_kept(store: Arc<dyn Store>) {
    let set = StoredSet {
        revision: Revision::of([0xab; 32]),
        engine: "regorus 0.14.1".to_owned(),
        files: r#"{"a.rego":"package approvals"}"#.into(),
    };
    store.keep_set(set.clone(), at(0)).await.unwrap();
    store.keep_set(set.clone(), at(1)).await.unwrap();
    assert_eq!(
        store.set(set.revision.as_str()).await.unwrap(),
        Some(set.clone())
    );
    assert_eq!(
        store.set(set.revision.short()).await.unwrap(),
        Some(set.clone())
    );
    assert_eq!(store.set("cd").await.unwrap(), None);
    assert_eq!(store.set("").await.unwrap(), None);
    let kept = store.log_tail(1).await.unwrap();
    assert_eq!(kept[0].kind, EntryKind::PolicyServed);
}

pub(crate) async fn the_log_is_read_from_both_ends(store: Arc<dyn Store>) {
    for number in 0..5 {
        new(&*store, &format!("r{number}"), Outcome::Approve).await;
    }
    let numbers = |lines: Vec<crate::store::LogLine>| -> Vec<u64> {
        lines.iter().map(|line| line.sequence).collect()
    };
    assert_eq!(numbers(store.log_after(0, 2).await.unwrap()), [1, 2]);
    assert_eq!(numbers(store.log_after(3, 9).await.unwrap()), [4, 5]);
    assert_eq!(numbers(store.log_tail(2).await.unwrap()), [4, 5]);
    let report = store.verify_log().await.unwrap();
    assert_eq!((report.entries, report.erased), (5, 0));
}

pub(crate) async fn what_platforms_decided_can_be_compared(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Escalate).await;
    new(&*store, "b", Outcome::Escalate).await;
    let word = Event::PlatformResolved {
        outcome: Some(PlatformOutcome::Rejected),
        by: Some("carol".to_owned()),
        reason: None,
        told: Told::ByThePlatform,
    };
    step(&*store, "b", word, 1).await;
    let compared = store.compared(None).await.unwrap();
    assert_eq!(compared, [read(&*store, "b").await]);
    assert!(matches!(compared[0].state, State::Resolved(_)));
    assert_eq!(store.compared(Some(at(1))).await.unwrap(), []);
}

pub(crate) async fn those_who_watch_hear_of_every_change(store: Arc<dyn Store>) {
    let mut changes = store.changes();
    new(&*store, "a", Outcome::Escalate).await;
    step(&*store, "a", Event::TimePassed, 3600).await;
    store
        .commit(decided("a", Outcome::Escalate), at(0))
        .await
        .unwrap();
    new(&*store, "b", Outcome::Escalate).await;
    assert_eq!(changes.recv().await.unwrap(), id("a"));
    assert_eq!(changes.recv().await.unwrap(), id("a"));
    assert_eq!(changes.recv().await.unwrap(), id("b"));
}

pub(crate) async fn the_source_of_a_case_is_known_without_the_rest_of_it(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Escalate).await;
    assert_eq!(store.source_of(id("a")).await.unwrap(), Some(source()));
    assert_eq!(store.source_of(id("b")).await.unwrap(), None);
    let file = store.case(id("a")).await.unwrap().unwrap();
    let question = store.question_of(id("a")).await.unwrap();
    assert_eq!(question, Some((file.case, file.input)));
    assert_eq!(store.question_of(id("b")).await.unwrap(), None);
}

pub(crate) async fn a_closed_store_is_unavailable(store: Arc<dyn Store>) {
    new(&*store, "a", Outcome::Approve).await;
    store.probe().await.unwrap();
}
