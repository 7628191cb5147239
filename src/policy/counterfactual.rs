//! The smallest single change of a request that would have been approved.
//!
//! What must hold: nothing is claimed that was not evaluated, guard and vetoes and all; what is proposed is something
//! that whoever asks could truly ask otherwise; the search is bounded.

mod candidates;
mod values;

use serde_json::{Map, Value};

use crate::domain::explanation::Explanation;
use crate::domain::near::{Change, Counterfactual};
use crate::domain::verdict::Outcome;
use crate::json;
use crate::policy::input::Input;

/// Most inputs that are evaluated in one search.
pub const MOST_TRIED: usize = 64;

/// Tries the changes that what failed suggests, the smallest first, until `approves` says that one of them is enough, or
/// that it has no more time.
///
/// Only facts below `/context` are changed, or below `/payload` where the input has no context: id, source, times, agent,
/// action and what is verified are not the asker's to choose, title and message are words, and a payload beside a context
/// is a copy of it.
pub fn search(
    explanation: &Explanation,
    input: &Input,
    mut approves: impl FnMut(&Input) -> Tried,
) -> Option<Counterfactual> {
    let before = json::parse(input.text().as_bytes()).ok()?;
    for change in candidates::candidates(explanation, &before)
        .into_iter()
        .take(MOST_TRIED)
    {
        let Some(changed) = with(&before, &change) else {
            continue;
        };
        match approves(&changed) {
            Tried::Approves => {
                return Some(Counterfactual {
                    set: vec![change],
                    outcome: Outcome::Approve,
                });
            }
            Tried::DoesNot => {}
            Tried::OutOfTime => return None,
        }
    }
    None
}

/// What came of a changed input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It is approved.
    Approves,
    /// It is not.
    DoesNot,
    /// The search has taken long enough.
    OutOfTime,
}

/// The input with the change made; `None` where it cannot be made, or what comes out is no input.
pub fn with(before: &Value, change: &Change) -> Option<Input> {
    let mut changed = before.clone();
    set(&mut changed, &change.path, &change.to)?;
    Input::parse(&json::canonical(&changed)).ok()
}

/// Puts a value where a pointer points. Objects on the way that are absent are made; nothing else is.
fn set(root: &mut Value, pointer: &str, to: &Value) -> Option<()> {
    let mut at = root;
    for step in pointer.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        at = match at {
            Value::Object(members) => members
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new())),
            Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    *at = to.clone();
    Some(())
}

#[cfg(test)]
mod tests;
