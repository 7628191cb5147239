//! Requests that wait for the platform's own record.

use super::*;
use crate::domain::case::Confirmed;
use crate::store::Spent;

fn received(request: &str) -> Decided {
    let decided = decided(request, Outcome::Escalate);
    Decided {
        verdict: Verdict::unconfirmed(
            "not read back yet".to_owned(),
            decided.verdict.revision.clone(),
        ),
        confirm_by: Some(at(120)),
        ..decided
    }
}

fn confirmed(request: &str, outcome: Outcome) -> Event {
    let record = decided(request, outcome);
    let input = format!(r#"{{"id":"{request}","context":{{"amount":5000}}}}"#);
    Event::Confirmed(Box::new(Confirmed {
        asked: Asked {
            action: Some("stripe.payout".to_owned()),
            agent: None,
            input: ContentDigest::of(&[input.as_bytes()]),
            ..record.asked
        },
        verdict: record.verdict,
        input: input.into(),
        token: Some(Secret::new("token-of-the-record")),
    }))
}

pub(crate) async fn what_is_received_is_decided_on_the_record_that_is_read_back(
    store: Arc<dyn Store>,
) {
    store.commit(received("appr_1"), at(0)).await.unwrap();
    assert!(matches!(
        store.commit(received("appr_1"), at(1)).await.unwrap(),
        Receipt::Duplicate(_)
    ));
    let [claimed] = &claim(&*store, 1).await[..] else {
        panic!("one record is to be read back")
    };
    assert_eq!(claimed.effect, Effect::Confirm);
    let done = Attempt::Done(Some(confirmed("appr_1", Outcome::Approve)));
    settle(&*store, claimed.id, done, 2).await;
    let file = store.case(id("appr_1")).await.unwrap().unwrap();
    assert_eq!(file.case.asked.action.as_deref(), Some("stripe.payout"));
    assert_eq!(file.case.asked.agent, None);
    assert_eq!(file.case.decided_at, at(2));
    assert_eq!(file.case.verdict.outcome, Outcome::Approve);
    assert!(file.input.unwrap().contains("5000"));
    assert_eq!(kinds(&*store, "appr_1").await, ["received", "decided"]);
    let [answer] = &claim(&*store, 3).await[..] else {
        panic!("the answer is to be sent")
    };
    assert!(matches!(answer.effect, Effect::Answer(_)));
    assert_eq!(
        answer.token.as_ref().unwrap().expose(),
        "token-of-the-record"
    );
}

pub(crate) async fn a_freeze_that_came_meanwhile_holds_what_the_record_would_approve(
    store: Arc<dyn Store>,
) {
    store.commit(received("appr_1"), at(0)).await.unwrap();
    let claimed = claim(&*store, 1).await.remove(0);
    let freeze = Freeze {
        by: "alice".to_owned(),
        reason: "look".to_owned(),
        since: at(1),
    };
    store.freeze(freeze).await.unwrap();
    let done = Attempt::Done(Some(confirmed("appr_1", Outcome::Approve)));
    settle(&*store, claimed.id, done, 2).await;
    let case = read(&*store, "appr_1").await;
    assert_eq!((case.state.as_str(), case.cause), ("open", Cause::Frozen));
    store.unfreeze("alice", at(3)).await.unwrap();
}

pub(crate) async fn what_ended_before_its_record_was_read_is_not_decided_any_more(
    store: Arc<dyn Store>,
) {
    store.commit(received("appr_1"), at(0)).await.unwrap();
    let claimed = claim(&*store, 1).await.remove(0);
    let ended = Event::PlatformResolved {
        outcome: Some(PlatformOutcome::Rejected),
        by: None,
        reason: None,
        told: Told::ByThePlatform,
    };
    step(&*store, "appr_1", ended, 2).await;
    let done = Attempt::Done(Some(confirmed("appr_1", Outcome::Approve)));
    settle(&*store, claimed.id, done, 3).await;
    let case = read(&*store, "appr_1").await;
    assert_eq!(case.resolution().unwrap().outcome, Resolved::Superseded);
    assert_eq!(kinds(&*store, "appr_1").await, ["received", "superseded"]);
    assert!(claim(&*store, 100).await.is_empty());
}

pub(crate) async fn an_event_that_came_before_is_not_passed_on_again(store: Arc<dyn Store>) {
    let once = Some(ContentDigest::of(&[b"approval.approved", b"appr_1"]));
    for second in 0..3 {
        let event = forward("refunds appr_1", "a1");
        store.forward(event, once, at(second)).await.unwrap();
    }
    let claims = claim(&*store, 5).await;
    assert_eq!(claims.len(), 1);
    settle(&*store, claims[0].id, Attempt::Done(None), 6).await;
    let event = forward("refunds appr_1", "a1");
    store.forward(event, once, at(7)).await.unwrap();
    assert!(claim(&*store, 8).await.is_empty());
    // What no id tells from another is passed on each time.
    let event = || forward("refunds test", "ping");
    store.forward(event(), None, at(9)).await.unwrap();
    store.forward(event(), None, at(9)).await.unwrap();
    assert_eq!(claim(&*store, 10).await.len(), 1);
}

pub(crate) async fn what_is_taken_back_is_as_if_it_had_never_been(store: Arc<dyn Store>) {
    let [kept, taken_back] = ["kept", "taken back"].map(|key| ContentDigest::of(&[key.as_bytes()]));
    for key in [kept, taken_back] {
        assert_eq!(store.spend(key, at(9), at(0)).await.unwrap(), Spent::Now);
        assert_eq!(store.spend(key, at(9), at(1)).await.unwrap(), Spent::Before);
    }
    store.forget(taken_back).await.unwrap();
    assert!(store.spent(kept).await.unwrap());
    assert!(!store.spent(taken_back).await.unwrap());
    let again = store.spend(taken_back, at(9), at(2)).await;
    assert_eq!(again.unwrap(), Spent::Now);
}
