//! What a person is shown of a case, whichever way it reaches them: the pages, Slack, an e-mail and a tool of the
//! team's own are made from this one structure.
//!
//! What must hold: every text in it is inert as far as characters go (controls, bidirectional and invisible ones are
//! written out), and says nothing that another request could have put there. What a markup language makes of `<` or `*` is for
//! whoever writes that language to prevent.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::case::{Case, Mode, Resolution};
use crate::domain::effect::Ballot;
use crate::domain::id::{CaseId, ContentDigest};
use crate::domain::rationale::{self, bounded, near, visible, voters};

/// More fields than these are counted, not listed.
const MOST_FIELDS: usize = 60;

/// Objects within objects are spread out this deep; what lies deeper is shown as JSON.
const DEEPEST: usize = 3;

/// Every fact's path begins with it: the agent chose the keys, and none of them may read like a label of ours.
const CONTEXT: &str = "context";

/// What is shown of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// The case.
    pub case_id: CaseId,
    /// What a vote on it is bound to.
    pub digest: ContentDigest,
    /// The source that asks.
    pub source: String,
    /// What the asker calls the request.
    pub request: String,
    /// What is to be done.
    pub action: Option<String>,
    /// By whom.
    pub agent: Option<String>,
    /// The agent's own words.
    pub title: Option<String>,
    /// The agent's own words.
    pub message: Option<String>,
    /// The facts, each under its path.
    pub fields: Vec<Field>,
    /// How many facts are not listed.
    pub more_fields: usize,
    /// Why people are asked, or what was decided and why.
    pub rationale: String,
    /// What nearly approved it, one line for each rule; for people alone.
    pub nearest: Vec<String>,
    /// The smallest change that would have approved it, in words.
    pub change: Option<String>,
    /// The question, while it is open.
    pub question: Option<Question>,
    /// Who voted, in the order of their votes.
    pub votes: Vec<Said>,
    /// The last word, once it is said.
    pub ending: Option<Ending>,
    /// Whether a vote needs a reason.
    pub reason_required: bool,
    /// Whether nothing is sent to the platform.
    pub dry_run: bool,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Where in the request: `context.customer.name`.
    pub path: String,
    /// Its value, as people read it.
    pub value: String,
}

/// The question to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The team that is asked.
    pub to: Option<String>,
    /// How many must approve.
    pub votes: u32,
    /// How many did.
    pub approvals: usize,
    /// Until when.
    pub deadline: Timestamp,
    /// The teams that did not answer.
    pub before: Vec<String>,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who.
    pub by: String,
    /// What.
    pub vote: Ballot,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// `approved`, `rejected`, `expired` or `superseded`.
    pub outcome: &'static str,
    /// Whose: `policy`, `platform`, `deadline`, or the names of the people whose votes it took.
    pub by: String,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How the platform ended it, where it did.
    pub platform: Option<String>,
}

impl Card {
    /// The card of `case`, which was decided on `input`, the policy input; nothing is known of an erased one.
    pub fn of(case: &Case, input: Option<&Value>) -> Self {
        let text = |name: &str| {
            let value = input.and_then(|input| input.get(name));
            value.and_then(Value::as_str).map(visible)
        };
        let mut facts = Facts::default();
        if let Some(context) = input.and_then(|input| input.get("context")) {
            facts.spread(context, &mut CONTEXT.to_owned(), 0);
        }
        let Facts {
            listed: fields,
            more: more_fields,
        } = facts;
        let nearest = case.verdict.nearest.iter();
        Self {
            case_id: case.asked.id,
            digest: case.shown(),
            source: case.asked.source.as_str().to_owned(),
            request: visible(case.asked.request.as_str()),
            action: case.asked.action.as_deref().map(visible),
            agent: case.asked.agent.as_deref().map(visible),
            title: text("title"),
            message: text("message"),
            fields,
            more_fields,
            rationale: rationale::standing(case),
            nearest: nearest.map(near::near_miss).collect(),
            change: (case.verdict.counterfactual.as_ref())
                .map(|change| near::counterfactual(Some(change))),
            question: case.question().map(|open| Question {
                to: open.to.as_deref().map(visible),
                votes: open.votes,
                approvals: open.approvals(&case.votes).count(),
                deadline: open.deadline,
                before: open.before.iter().map(|team| visible(team)).collect(),
            }),
            votes: (case.votes.iter())
                .map(|vote| Said {
                    by: visible(&vote.by),
                    vote: vote.vote,
                    reason: vote.reason.as_deref().map(visible),
                    at: vote.at,
                })
                .collect(),
            ending: case.resolution().map(|said| Ending::of(case, said)),
            reason_required: case.asked.rationale_required,
            dry_run: case.mode == Mode::DryRun,
        }
    }

    /// What it is about, in one line of at most `limit` characters: `stripe.refund by billing-bot`.
    pub fn headline(&self, limit: usize) -> String {
        let action = self.action.as_deref().unwrap_or("a request");
        let line = match &self.agent {
            Some(agent) => format!("{action} by {agent}"),
            None => format!("{action} ({})", self.request),
        };
        bounded(&line, limit)
    }
}

impl Ending {
    fn of(case: &Case, said: &Resolution) -> Self {
        let by = said.by.to_string();
        let by = voters(case, said)
            .unwrap_or_else(|| visible(by.strip_prefix("person:").unwrap_or(&by)));
        Self {
            outcome: said.outcome.as_str(),
            by,
            reason: said.reason.as_deref().map(visible),
            at: said.at,
            platform: (case.platform_outcome.as_ref()).map(|word| visible(word.as_str())),
        }
    }
}

/// The facts of a request. One may have millions, so those that are not listed are counted and not written out.
#[derive(Default)]
struct Facts {
    listed: Vec<Field>,
    more: usize,
}

impl Facts {
    fn spread(&mut self, value: &Value, path: &mut String, depth: usize) {
        match value {
            Value::Object(members) if depth < DEEPEST && !members.is_empty() => {
                for (key, member) in members {
                    let before = path.len();
                    path.push('.');
                    path.push_str(&name(key));
                    self.spread(member, path, depth + 1);
                    path.truncate(before);
                }
            }
            Value::String(text) => self.add(path, || visible(text)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => self.add(path, || visible(&value.to_string())),
        }
    }

    fn add(&mut self, path: &str, value: impl FnOnce() -> String) {
        if self.listed.len() >= MOST_FIELDS {
            self.more += 1;
            return;
        }
        self.listed.push(Field {
            path: path.to_owned(),
            value: value(),
        });
    }
}

/// A key as a part of a path. One with a dot in it is quoted, or `{"customer.name": …}` would look like the name of a
/// customer.
fn name(key: &str) -> String {
    if key.contains(['.', '"']) {
        visible(&Value::from(key).to_string())
    } else {
        visible(key)
    }
}

#[cfg(test)]
mod tests;
