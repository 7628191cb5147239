//! Decided requests, ready for a store.

use std::sync::Arc;

use countersign::domain::case::{Asked, CaseTerms, Channel, Mode};
use countersign::domain::escalation::EscalationDefaults;
use countersign::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use countersign::domain::team::People;
use countersign::domain::verdict::Verdict;
use countersign::store::Decided;
use jiff::SignedDuration;

use crate::sets;

/// One verdict and its input, to be committed under many ids.
pub(crate) struct Sample {
    verdict: Verdict,
    input: Arc<str>,
    terms: Arc<CaseTerms>,
    source: SourceName,
}

impl Sample {
    /// An approval by one of ten rules, of a payload of two kilobytes.
    pub(crate) fn new() -> Self {
        let set = sets::load(sets::Shape::OnePackage, 10);
        let input = sets::input();
        Self {
            verdict: countersign::policy::decide(&set, &input, sets::now()),
            input: input.text().into(),
            terms: Arc::new(CaseTerms {
                mode: Mode::DryRun,
                channel: Channel::Answer,
                answer_within: SignedDuration::from_mins(15),
                give_up_after: SignedDuration::from_hours(24),
                people: Arc::new(People::without_teams(EscalationDefaults {
                    to: None,
                    votes: 1,
                    within: SignedDuration::from_hours(1),
                })),
                rationale_limit: 500,
            }),
            source: SourceName::parse("tm").unwrap(),
        }
    }

    /// The request of this number.
    pub(crate) fn decided(&self, number: u64) -> Decided {
        let request = RequestId::parse(&format!("appr_{number}")).unwrap();
        Decided {
            confirm_by: None,
            asked: Asked {
                id: CaseId::derive(&self.source, "", &request),
                source: self.source.clone(),
                platform: "tracemem".to_owned(),
                request,
                action: Some("pay".to_owned()),
                agent: Some("agent-7".to_owned()),
                expires_at: None,
                rationale_required: true,
                content: ContentDigest::of(&[&number.to_be_bytes()]),
                input: ContentDigest::of(&[self.input.as_bytes()]),
                traceparent: None,
            },
            verdict: self.verdict.clone(),
            input: Arc::clone(&self.input),
            token: None,
            terms: Arc::clone(&self.terms),
            forward: None,
        }
    }
}
