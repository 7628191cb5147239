//! From what the flow and the store say to what a client is told.

use super::{Code, Problem};
use crate::flow::Refusal;
use crate::signature::Unverified;
use crate::store::StoreError;

/// Who is refused: the same thing has another name for a platform than for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// It delivers events.
    Platform,
    /// It asks at our own API.
    Agent,
}

/// What a refused delivery is told.
pub fn of_refusal(refusal: Refusal, asker: Asker) -> Problem {
    match refusal {
        Refusal::UnknownSource(_) => Problem::new(Code::UnknownSource, "there is no such source"),
        // Ours, not the sender's: a secret could not be read. What is wrong with it is for the log.
        Refusal::Unverified(Unverified::SecretUnusable { problem }) => {
            let detail = "the sender cannot be verified now; send it again later";
            Problem::new(Code::Unavailable, detail).because(Unusable(problem))
        }
        Refusal::Unverified(unverified) => {
            let problem =
                Problem::new(Code::Unverified, "the sender is not verified").because(unverified);
            match asker {
                Asker::Platform => problem,
                Asker::Agent => problem.challenging(),
            }
        }
        Refusal::Malformed(malformed) => Problem::new(Code::Malformed, malformed.to_string()),
        Refusal::Conflict(case) => {
            let code = match asker {
                Asker::Platform => Code::Conflict,
                Asker::Agent => Code::IdempotencyMismatch,
            };
            let detail = format!(
                "`{}` was received before with other content",
                case.asked.request
            );
            Problem::new(code, detail).with("case_id", case.asked.id.to_string().into())
        }
        Refusal::Unstored(error) => of_store(error),
    }
}

/// What a client is told when the store cannot.
pub fn of_store(error: StoreError) -> Problem {
    match error {
        StoreError::Cursor(_) => Problem::new(Code::Malformed, error.to_string()),
        StoreError::Unavailable(_) | StoreError::Open(_) | StoreError::Corrupt(_) => Problem::new(
            Code::Unavailable,
            "it cannot be stored or looked up now; try again",
        )
        .because(error),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a secret is not usable: {0}")]
struct Unusable(String);
