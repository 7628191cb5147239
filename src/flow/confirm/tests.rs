use proptest::prelude::*;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::domain::case::{Awaited, CaseTerms, Channel, EarlierAnswers, Mode, Resolved, State};
use crate::domain::effect::{Effect, EffectId, Reached};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::{RequestId, SourceName};
use crate::domain::team::People;
use crate::domain::verdict::{Cause, Outcome};
use crate::flow::attempt::stale;
use crate::policy::folder::PolicyFiles;
use crate::policy::{Budget, Input};

const POLICY: &str = r#"package approvals.refunds

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: Huge refund
reject contains "it is huge" if {
	input.action == "stripe.refund"
	input.context.amount >= 10000
}
"#;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn policies() -> PolicySet {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("refunds.rego"), POLICY).unwrap();
    let files = PolicyFiles::read(folder.path()).unwrap();
    PolicySet::load(files, Budget::default()).unwrap().set
}

/// A request with this amount, as a delivery or a record has it.
fn request(amount: i64, proven: Proven) -> Request {
    let context = json!({ "amount": amount, "customer_id": "cus_1" });
    Request {
        source: SourceName::parse("warden").unwrap(),
        platform: "agentwarden",
        id: RequestId::parse("log_1").unwrap(),
        scope: String::new(),
        action: Some("stripe.refund".to_owned()),
        agent: Some("agent_1".to_owned()),
        context: Some(context.clone()),
        title: None,
        message: None,
        requested_at: None,
        expires_at: None,
        rationale_required: false,
        proven,
        payload: context,
        token: None,
        content: ContentDigest::of(&[b"content"]),
    }
}

fn delivered(amount: i64) -> Request {
    request(amount, Proven::default())
}

fn recorded(amount: i64) -> Request {
    let record = true;
    request(
        amount,
        Proven {
            record,
            ..Proven::default()
        },
    )
}

fn terms() -> CaseTerms {
    CaseTerms {
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
    }
}

/// The case of a delivery, waiting for its record.
fn received(delivery: &Request) -> (Claim, CaseFile) {
    let input = Input::of(delivery, at(0));
    let asked = Asked {
        id: delivery.case_id(),
        source: delivery.source.clone(),
        platform: delivery.platform.to_owned(),
        request: delivery.id.clone(),
        action: delivery.action.clone(),
        agent: delivery.agent.clone(),
        expires_at: delivery.expires_at,
        rationale_required: delivery.rationale_required,
        content: delivery.content,
        input: ContentDigest::of(&[input.text().as_bytes()]),
        traceparent: None,
    };
    let verdict = Verdict::unconfirmed("not yet".to_owned(), policies().revision().clone());
    let case = Case::received(asked, verdict, at(120), &terms(), at(0)).case;
    assert_eq!(
        case.state,
        State::Received(Awaited {
            confirm_by: at(120)
        })
    );
    let claim = Claim {
        id: EffectId(1),
        case: Some(case.clone()),
        token: None,
        effect: Effect::Confirm,
        attempts: 0,
        reached: Reached::No,
        error: Some("no connection".to_owned()),
        handle: None,
        created_at: at(0),
        not_after: at(120),
    };
    let file = CaseFile {
        case,
        input: Some(input.text().into()),
        timeline: Vec::new(),
    };
    (claim, file)
}

/// The case after what the platform showed, if it moved.
fn after(delivery: &Request, confirmation: Confirmation, attempts: u32) -> Option<Case> {
    let (mut claim, file) = received(delivery);
    claim.attempts = attempts;
    let looked = judge(&policies(), &claim, &file, confirmation, at(1), 0.0);
    match looked.attempt {
        Attempt::Done(Some(event)) => {
            let step = file.case.step(event, &terms(), at(1)).unwrap();
            assert_eq!(step.earlier_answers, EarlierAnswers::Keep);
            Some(step.case)
        }
        Attempt::Again { at: due, .. } => {
            assert!(due > at(1) && due <= at(120));
            None
        }
        other @ (Attempt::Done(None) | Attempt::Told { .. } | Attempt::Dead { .. }) => {
            panic!("{other:?}")
        }
    }
}

fn on_record(delivery: &Request, record: Request) -> Case {
    after(delivery, Confirmation::Record(Box::new(record)), 0).unwrap()
}

#[test]
fn what_the_record_bears_out_is_decided() {
    let case = on_record(&delivered(50), recorded(50));
    assert_eq!((case.outcome, case.cause), (Outcome::Approve, Cause::Rule));
    let case = on_record(&delivered(10_000), recorded(10_000));
    assert_eq!((case.outcome, case.cause), (Outcome::Reject, Cause::Rule));
}

#[test]
fn a_delivery_that_says_otherwise_than_the_record_decides_nothing_either_way() {
    for (claimed, held) in [(50, 10_000), (10_000, 50), (50, 51)] {
        let case = on_record(&delivered(claimed), recorded(held));
        assert_eq!(
            (case.outcome, case.cause),
            (Outcome::Escalate, Cause::Source),
            "{claimed} {held}"
        );
        let doubt = case.verdict.doubt.unwrap();
        assert_eq!(
            doubt,
            "the webhook and the platform's own record differ in `context`"
        );
    }
    let mut other = recorded(50);
    (other.agent, other.action) = (Some("agent_2".to_owned()), Some("stripe.payout".to_owned()));
    let case = on_record(&delivered(50), other);
    assert!(case.verdict.doubt.unwrap().ends_with("`action`, `agent`"));
    assert_eq!(
        case.asked.agent.as_deref(),
        Some("agent_2"),
        "people see the record"
    );
}

#[test]
fn what_the_delivery_left_out_is_taken_from_the_record_alone() {
    let mut delivery = delivered(50);
    delivery.context = None;
    assert_eq!(on_record(&delivery, recorded(50)).outcome, Outcome::Approve);
    let mut record = recorded(50);
    record.context = None;
    let case = on_record(&delivered(50), record);
    assert_eq!(
        (case.outcome, case.cause),
        (Outcome::Escalate, Cause::Source)
    );
}

#[test]
fn what_the_record_leaves_out_is_believed_of_a_signed_delivery_alone() {
    let mut record = recorded(50);
    record.context = None;
    let signed = Proven {
        signature: true,
        record: false,
    };
    let case = on_record(&request(50, signed), record);
    assert_eq!(case.outcome, Outcome::Approve);
}

#[test]
fn a_record_that_stays_away_makes_a_question_after_a_few_looks() {
    assert_eq!(after(&delivered(50), Confirmation::Missing, 0), None);
    assert_eq!(after(&delivered(50), Confirmation::Missing, 1), None);
    let case = after(&delivered(50), Confirmation::Missing, 2).unwrap();
    assert_eq!(
        (case.outcome, case.cause),
        (Outcome::Escalate, Cause::Source)
    );
}

#[test]
fn what_is_not_pending_any_more_is_not_answered() {
    let status = "denied".to_owned();
    let case = after(&delivered(50), Confirmation::NotPending { status }, 0).unwrap();
    assert_eq!(case.cause, Cause::Source);
    assert_eq!(case.resolution().map(|said| said.outcome), None::<Resolved>);
}

#[test]
fn a_platform_that_is_down_or_does_not_know_us_is_asked_again_within_the_time() {
    let error = "503".to_owned();
    let far = Some(Duration::from_hours(1));
    for confirmation in [
        Confirmation::Retry {
            after: None,
            error: error.clone(),
        },
        Confirmation::Retry {
            after: far,
            error: error.clone(),
        },
        Confirmation::Alert { error },
    ] {
        assert_eq!(after(&delivered(50), confirmation, 5), None);
    }
    let (claim, _) = received(&delivered(50));
    assert_eq!(claim.not_after, at(120));
    let Some(Attempt::Done(Some(Event::Unconfirmed { doubt }))) = stale(&claim, at(120)) else {
        panic!("people are asked")
    };
    assert!(doubt.ends_with("in time (no connection)"), "{doubt}");
}

/// What stands in the way of what people said of `delivery`, which was not confirmed when they were asked.
fn stands_in_the_way(delivery: &Request, confirmation: Confirmation) -> Option<String> {
    let (_, file) = received(delivery);
    match founded(&file, confirmation)? {
        Unfounded::Doubt(doubt) => Some(doubt),
        Unfounded::Result(result) => Some(format!("{result:?}")),
    }
}

#[test]
fn what_people_decided_on_a_claim_is_told_only_where_the_record_says_the_same() {
    let record = |record: Request| Confirmation::Record(Box::new(record));
    assert_eq!(
        stands_in_the_way(&delivered(50), record(recorded(50))),
        None
    );
    let doubt = stands_in_the_way(&delivered(50), record(recorded(5000))).unwrap();
    assert!(
        doubt.ends_with("differs in `context`; decide it there"),
        "{doubt}"
    );
    let mut claim = delivered(50);
    claim.context = None;
    let doubt = stands_in_the_way(&claim, record(recorded(5000))).unwrap();
    assert!(
        doubt.contains("`context`"),
        "a fact that nobody was shown: {doubt}"
    );
    let gone = stands_in_the_way(&delivered(50), Confirmation::Missing).unwrap();
    assert!(gone.starts_with("Failed"), "{gone}");
    let status = "denied".to_owned();
    let ended = stands_in_the_way(&delivered(50), Confirmation::NotPending { status }).unwrap();
    assert!(ended.starts_with("Already"), "{ended}");
}

#[test]
fn what_people_were_shown_is_the_record_once_it_was_read_back() {
    let (_, file) = received(&delivered(50));
    assert!(!is_confirmed(&file));
    let (_, file) = received(&recorded(50));
    assert!(is_confirmed(&file));
}

proptest! {
    #[test]
    fn no_delivery_is_answered_on_what_it_claims(claimed in -5..20_000_i64, held in -5..20_000_i64) {
        let case = on_record(&delivered(claimed), recorded(held));
        if claimed == held {
            let alone = crate::policy::decide(&policies(), &Input::of(&recorded(held), at(1)), at(1));
            prop_assert_eq!(case.outcome, alone.outcome);
        } else {
            prop_assert_eq!(case.outcome, Outcome::Escalate);
        }
    }
}
