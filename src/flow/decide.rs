//! From a request to what is to be committed. Pure, but for measuring how long the evaluation took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::domain::case::Asked;
use crate::domain::effect::Planned;
use crate::domain::id::ContentDigest;
use crate::domain::request::Request;
use crate::domain::verdict::Verdict;
use crate::flow::Desk;
use crate::policy::{Input, PolicySet};
use crate::store::Decided;

/// A request with what policy says of it.
pub(super) struct Weighed {
    pub(super) verdict: Verdict,
    pub(super) input: Input,
    pub(super) took: Duration,
}

/// Evaluates `request` against `set`.
pub(super) fn weigh(set: &PolicySet, request: &Request, now: Timestamp) -> Weighed {
    let started = Instant::now();
    let input = Input::of(request, now);
    let verdict = crate::policy::decide_and_account(set, &input, now);
    let took = started.elapsed();
    Weighed {
        verdict,
        input,
        took,
    }
}

/// Evaluates `request` and puts everything together that one transaction writes.
pub(super) fn decide(
    set: &PolicySet,
    desk: &Desk,
    request: Request,
    traceparent: Option<String>,
    forward: Option<Planned>,
    now: Timestamp,
) -> (Decided, Duration) {
    let Weighed {
        verdict,
        input,
        took,
    } = weigh(set, &request, now);
    let decided = written(desk, request, &input, verdict, traceparent, forward, None);
    (decided, took)
}

/// Puts together what is written of a request that nothing is decided of before the platform's own record was read back.
pub(super) fn receive(
    set: &PolicySet,
    desk: &Desk,
    mut request: Request,
    traceparent: Option<String>,
    forward: Option<Planned>,
    within: SignedDuration,
    now: Timestamp,
) -> Decided {
    // Whoever forges a delivery could end the request with it, or have another request told what was decided on this one's
    // record.
    if !request.proven.signature {
        request.expires_at = None;
        request.token = None;
    }
    let input = Input::of(&request, now);
    let doubt = "the platform has not shown its own record of the request yet".to_owned();
    let verdict = Verdict::unconfirmed(doubt, set.revision().clone());
    let confirm_by = now.saturating_add(within).unwrap_or(Timestamp::MAX);
    let confirm_by = Some(confirm_by);
    written(
        desk,
        request,
        &input,
        verdict,
        traceparent,
        forward,
        confirm_by,
    )
}

fn written(
    desk: &Desk,
    request: Request,
    input: &Input,
    verdict: Verdict,
    traceparent: Option<String>,
    forward: Option<Planned>,
    confirm_by: Option<Timestamp>,
) -> Decided {
    let text: Arc<str> = input.text().into();
    let asked = Asked {
        id: request.case_id(),
        source: request.source,
        platform: request.platform.to_owned(),
        request: request.id,
        action: request.action,
        agent: request.agent,
        expires_at: request.expires_at,
        rationale_required: request.rationale_required,
        content: request.content,
        input: ContentDigest::of(&[text.as_bytes()]),
        traceparent,
    };
    Decided {
        asked,
        verdict,
        input: text,
        token: request.token,
        terms: Arc::clone(&desk.terms),
        forward,
        confirm_by,
    }
}
