//! What a platform's response to our answer means.

use serde_json::Value;

use crate::domain::effect::Ballot;
use crate::domain::platform::PlatformOutcome;
use crate::secret::Secret;
use crate::source::client::{Body, Class, Response};
use crate::source::{AnswerResult, Reach};

/// Our word as the platform would echo it.
pub(super) fn ours(ballot: Ballot) -> PlatformOutcome {
    match ballot {
        Ballot::Approve => PlatformOutcome::Approved,
        Ballot::Reject => PlatformOutcome::Rejected,
    }
}

/// What a response says the platform holds, where platforms usually say so.
pub(super) fn outcome(response: &Response) -> Option<PlatformOutcome> {
    response.json().as_ref().and_then(usual_outcome)
}

/// What the platform says it holds, in a resolved event or in its answer to ours: the first word we know, else the
/// first word.
pub(super) fn usual_outcome(body: &Value) -> Option<PlatformOutcome> {
    let words = || {
        ["resolution", "status", "outcome"]
            .into_iter()
            .filter_map(|key| body.get(key)?.as_str().filter(|word| !word.is_empty()))
    };
    let known = |outcome: &PlatformOutcome| !matches!(outcome, PlatformOutcome::Other(_));
    words()
        .map(PlatformOutcome::parse)
        .find(known)
        .or_else(|| words().next().map(PlatformOutcome::parse))
}

/// Whether a response says that nothing was done, whatever its status says: by an error, by a plain no, or by being a page
/// for people, which no API sends.
pub(super) fn denies(response: &Response) -> bool {
    let Body::Whole(body) = &response.body else {
        return false;
    };
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        let start = String::from_utf8_lossy(body.get(..64).unwrap_or(body)).to_ascii_lowercase();
        let start = start.trim_start_matches('\u{feff}').trim_start();
        return ["<!doctype html", "<html"]
            .iter()
            .any(|page| start.starts_with(page));
    };
    let says_no = ["success", "ok"]
        .iter()
        .any(|key| body.get(key) == Some(&Value::Bool(false)));
    let error = ["error", "errors"].iter().any(|key| match body.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true) | Value::Number(_)) => true,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
    });
    says_no || error
}

/// What became of an answer whose response is of `class` and names `platform` as the outcome that the platform holds.
pub(super) fn understand(
    response: &Response,
    class: Class,
    platform: Option<PlatformOutcome>,
    ours: &PlatformOutcome,
    secrets: &[&Secret],
) -> AnswerResult {
    match class {
        Class::Taken => match (&response.body, platform) {
            // It broke off in the middle of saying what it did. The same bytes again are safe, and find out.
            (Body::Cut, _) => response.retry(Reach::Unknown, secrets),
            (_, Some(PlatformOutcome::Other(word))) => AnswerResult::Done {
                platform: Some(PlatformOutcome::Other(word)),
            },
            (_, Some(other)) if other != *ours => AnswerResult::Already {
                platform: Some(other),
            },
            (_, platform) => AnswerResult::Done { platform },
        },
        Class::Already => AnswerResult::Already { platform },
        Class::Expired => AnswerResult::Expired,
        Class::Unauthorized => AnswerResult::Alert {
            error: format!(
                "{}; is the credential right and still valid?",
                response.describe(secrets)
            ),
        },
        Class::Later(reach) => response.retry(reach, secrets),
        Class::Never => AnswerResult::Failed {
            error: response.describe(secrets),
        },
    }
}
