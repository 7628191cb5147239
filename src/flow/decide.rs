//! From a request to what is to be committed. Pure, but for measuring how long the evaluation took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::case::Asked;
use crate::domain::effect::Planned;
use crate::domain::id::ContentDigest;
use crate::domain::request::Request;
use crate::flow::Desk;
use crate::policy::{Input, PolicySet};
use crate::store::Decided;

/// Evaluates `request` against `set` and puts everything together that one transaction writes.
pub(super) fn decide(
    set: &PolicySet,
    desk: &Desk,
    request: Request,
    traceparent: Option<String>,
    forward: Option<Planned>,
    now: Timestamp,
) -> (Decided, Duration) {
    let started = Instant::now();
    let input = Input::of(&request, now);
    let verdict = crate::policy::decide_and_account(set, &input, now);
    let took = started.elapsed();
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
    let decided = Decided {
        asked,
        verdict,
        input: text,
        token: request.token,
        terms: Arc::clone(&desk.terms),
        forward,
    };
    (decided, took)
}
