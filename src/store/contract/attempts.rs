//! Every attempt at an effect of a case is on the case's timeline, whatever came of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{at, claim, decided, forward, given_up, id, kinds, new, settle, taken, terms};
use crate::domain::case::{CaseTerms, Event, Whose};
use crate::domain::effect::Reached;
use crate::domain::notice::ChannelName;
use crate::domain::team::{People, Team};
use crate::domain::verdict::{Outcome, Terms};
use crate::store::{Attempt, Claim, Retried, Store};

/// Asks payments, who are told on Slack and by mail.
async fn ask(store: &dyn Store, request: &str) -> [ChannelName; 2] {
    let channels = ["slack", "email"].map(|kind| ChannelName::new("payments", kind));
    let team = Team {
        name: "payments".to_owned(),
        channels: channels.to_vec(),
        ..Team::default()
    };
    let defaults = terms().people.defaults().clone();
    let people = People::new(vec![team], std::collections::BTreeMap::new(), defaults);
    let mut question = decided(request, Outcome::Escalate);
    question.verdict.terms = Some(Terms {
        to: Some("payments".to_owned()),
        ..Terms::default()
    });
    question.terms = Arc::new(CaseTerms {
        people: Arc::new(people),
        ..(*terms()).clone()
    });
    store.commit(question, at(0)).await.unwrap();
    channels
}

async fn notice(store: &dyn Store, channel: &ChannelName, now: i64) -> Claim {
    let claims = store.claim_notices(channel, 10, at(now), at(now + 60));
    claims.await.unwrap().remove(0)
}

fn failed(at: jiff::Timestamp) -> Attempt {
    Attempt::Again {
        at,
        error: "connection refused".to_owned(),
        reached: Reached::No,
    }
}

/// The particulars of the entries of this kind.
async fn entries(store: &dyn Store, request: &str, kind: &str) -> Vec<Value> {
    let file = store.case(id(request)).await.unwrap().unwrap();
    let wanted = file.timeline.into_iter();
    let wanted = wanted.filter(|line| line.kind.as_str() == kind);
    wanted.map(|line| line.detail.unwrap()).collect()
}

pub(crate) async fn every_attempt_to_tell_a_team_is_on_the_timeline_with_its_channel(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let [slack, email] = ask(store, "a").await;
    let posted = notice(store, &slack, 1).await.id;
    let handle = Some("C1 1.2".to_owned());
    settle(store, posted, Attempt::Told { handle }, 2).await;
    let mailed = notice(store, &email, 1).await.id;
    settle(store, mailed, failed(at(5)), 2).await;
    assert_eq!(notice(store, &email, 5).await.id, mailed);
    let dead = Attempt::Dead {
        error: "550".to_owned(),
        event: None,
    };
    settle(store, mailed, dead, 6).await;
    let retried = store.retry(mailed, "alice", terms(), at(7)).await.unwrap();
    assert_eq!(retried, Retried::Due);
    notice(store, &email, 7).await;
    settle(store, mailed, Attempt::Told { handle: None }, 8).await;

    let slack = json!({"effect": posted, "kind": "notify", "channel": "payments/slack", "occasion": "asked", "attempts": 1});
    let mail = |more: Value| {
        let mut detail = json!({"effect": mailed, "kind": "notify", "channel": "payments/email", "occasion": "asked"});
        for (name, value) in more.as_object().unwrap() {
            detail[name] = value.clone();
        }
        detail
    };
    let told = [slack, mail(json!({"attempts": 3}))];
    assert_eq!(entries(store, "a", "delivered").await, told);
    let error = "connection refused";
    assert_eq!(
        entries(store, "a", "attempt_failed").await,
        [mail(json!({"attempts": 1, "error": error, "next": at(5)}))]
    );
    assert_eq!(
        entries(store, "a", "dead_lettered").await,
        [mail(json!({"attempts": 2, "error": "550"}))]
    );
    assert_eq!(
        entries(store, "a", "retried").await,
        [mail(json!({"by": "alice"}))]
    );
}

pub(crate) async fn what_was_not_sent_since_it_is_out_of_date_is_not_told(store: Arc<dyn Store>) {
    let store = &*store;
    let [slack, _] = ask(store, "a").await;
    let notice = notice(store, &slack, 1).await;
    settle(store, notice.id, Attempt::Done(None), 2).await;
    assert_eq!(kinds(store, "a").await, ["decided"]);
    assert!(store.effect(notice.id).await.unwrap().is_none());
}

pub(crate) async fn every_attempt_to_answer_or_pass_on_is_on_the_timeline(store: Arc<dyn Store>) {
    let store = &*store;
    new(store, "a", Outcome::Approve).await;
    let effect = claim(store, 0).await[0].id;
    settle(store, effect, failed(at(2)), 1).await;
    claim(store, 2).await;
    settle(store, effect, taken(), 3).await;
    let answered = entries(store, "a", "answered").await.remove(0);
    for (name, value) in [
        ("effect", json!(effect)),
        ("attempts", json!(2)),
        ("result", json!("done")),
    ] {
        assert_eq!(answered[name], value, "{answered}");
    }

    new(store, "known", Outcome::Reject).await;
    let effect = claim(store, 4).await[0].id;
    let ours = Event::AnswerNotNeeded {
        platform: None,
        ours: Whose::PerhapsOurs,
    };
    settle(store, effect, Attempt::Done(Some(ours)), 5).await;
    let answered = entries(store, "known", "answered").await.remove(0);
    assert_eq!(answered["result"], "already");

    new(store, "dead", Outcome::Reject).await;
    let effect = claim(store, 6).await[0].id;
    settle(store, effect, given_up(), 7).await;
    let dead = entries(store, "dead", "dead_lettered").await.remove(0);
    assert_eq!(
        (&dead["effect"], &dead["attempts"]),
        (&json!(effect), &json!(1))
    );

    let mut event = decided("event", Outcome::Escalate);
    event.forward = Some(forward("refunds event", "the event"));
    store.commit(event, at(8)).await.unwrap();
    let effect = claim(store, 8).await[0].id;
    settle(store, effect, Attempt::Done(None), 9).await;
    assert_eq!(
        entries(store, "event", "delivered").await,
        [json!({"effect": effect, "kind": "forward", "attempts": 1})]
    );
}

pub(crate) async fn an_attempt_that_was_under_way_when_its_answer_was_taken_back_is_on_the_timeline(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    for (request, attempt, kind) in [
        ("failed", failed(at(9)), "attempt_failed"),
        ("given up", given_up(), "attempt_failed"),
    ] {
        new(store, request, Outcome::Reject).await;
        let effect = claim(store, 0).await[0].id;
        let elsewhere = Event::PlatformResolved {
            outcome: Some(crate::domain::platform::PlatformOutcome::Approved),
            by: None,
            reason: None,
            told: crate::domain::case::Told::ByThePlatform,
        };
        super::step(store, request, elsewhere, 1).await;
        settle(store, effect, attempt, 2).await;
        assert_eq!(kinds(store, request).await, ["decided", "superseded", kind]);
        assert!(store.effect(effect).await.unwrap().is_none());
    }
}
