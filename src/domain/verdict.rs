//! What policy says about a request, with everything that made it say so.

use serde::{Deserialize, Serialize};

use crate::domain::freeze::Freeze;
use crate::domain::id::Revision;
use crate::domain::near::{Counterfactual, NearMiss};

/// The three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Policy allows it.
    Approve,
    /// Policy forbids it.
    Reject,
    /// A person decides.
    Escalate,
}

/// Why the outcome is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A rule says so.
    Rule,
    /// No rule matched.
    NoRule,
    /// A policy failed: a runtime error, a conflict, a malformed element, or a budget exceeded.
    PolicyError,
    /// An approval would have stood on facts that were not there, or a veto could not be ruled out without them.
    Evidence,
    /// Approvals are frozen.
    Frozen,
    /// The platform could not be asked or told in time.
    Source,
}

/// The four sets that a package under `approvals` may define. (`limit` is not decided on yet and refused at load.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSet {
    /// Elements approve.
    Approve,
    /// Elements reject, whatever approves.
    Reject,
    /// Elements ask a person, whatever approves.
    Escalate,
}

/// An outcome with the rules behind it and the revision of the set that held them. The rationale is rendered from this
/// and nothing else: [`crate::domain::rationale`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What to do.
    pub outcome: Outcome,
    /// Why.
    pub cause: Cause,
    /// The rules that gave the outcome, in the order of file and line. With several outcomes, those of the winning one
    /// first, then the ones that were overruled.
    pub rules: Vec<FiredRule>,
    /// What was missing or of the wrong kind, when the cause is evidence.
    pub evidence: Vec<MissingEvidence>,
    /// What failed, when the cause is a policy error.
    pub failures: Vec<PolicyFailure>,
    /// Who is asked, when the outcome is to escalate.
    pub terms: Option<Terms>,
    /// The freeze that turned an approval down.
    pub freeze: Option<Freeze>,
    /// Why the source cannot vouch for what it delivered: then nothing was evaluated, or it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The digest of the policy set.
    pub revision: Revision,
    /// The rules that came nearest to approving, when the cause is that no rule matched. Not for agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<NearMiss>,
    /// The smallest change that would have approved it, if one was found. Looked for with [`Self::nearest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<Counterfactual>,
}

/// One body of `approve`, `reject` or `escalate` that held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FiredRule {
    /// `package.set#slug`: `approvals.refunds.approve#small-refund`, or the ordinal where the rule has no title.
    pub id: String,
    /// Which set.
    pub set: RuleSet,
    /// The rule's title from its METADATA, else its id.
    pub title: String,
    /// The reason it gave.
    pub reason: String,
    /// Path of the file, relative to the policy directory, with `/`.
    pub file: String,
    /// Line of the rule's head, from 1.
    pub line: u32,
    /// The conditions of its body, in the order written, with the values seen.
    pub conditions: Vec<Condition>,
}

/// One condition of a rule's body as it was seen during the evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Its source text.
    pub text: String,
    /// Whether it held.
    pub truth: Truth,
    /// Operands and their values, as `("input.context.amount", "50")`; literals are left out.
    pub values: Vec<(String, String)>,
    /// File it is written in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// Kleene's three. A condition that could not be evaluated is not one that is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It held.
    True,
    /// It did not hold.
    False,
    /// It cannot be known from this input.
    Unknown,
}

/// A path that a rule needed and that was not there, or not of the right kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingEvidence {
    /// The input path: `input.context.amount`.
    pub path: String,
    /// What was there instead: `absent`, `null`, or the kind of value.
    pub saw: String,
    /// The id of the rule that needed it.
    pub rule: String,
    /// File of the condition.
    pub file: String,
    /// Line of the condition, from 1.
    pub line: u32,
}

/// A policy that failed while it was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyFailure {
    /// The package, as `approvals.refunds`.
    pub package: String,
    /// What went wrong, in one line.
    pub message: String,
    /// File, where it is known.
    pub file: Option<String>,
    /// Line, from 1, where it is known.
    pub line: Option<u32>,
}

/// What an `escalate` element asks for. An absent field takes the team's or the config's default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Terms {
    /// The team.
    pub to: Option<String>,
    /// How many people must approve.
    pub votes: Option<u32>,
    /// How long they have, in seconds.
    pub within_seconds: Option<u64>,
}

impl Verdict {
    /// A question to a person, because the source cannot vouch for the request: `doubt` says why.
    pub fn unconfirmed(doubt: String, revision: Revision) -> Self {
        Self {
            outcome: Outcome::Escalate,
            cause: Cause::Source,
            rules: Vec::new(),
            evidence: Vec::new(),
            failures: Vec::new(),
            terms: None,
            freeze: None,
            doubt: Some(doubt),
            revision,
            nearest: Vec::new(),
            counterfactual: None,
        }
    }

    /// This verdict under a freeze: an approval becomes a question to a person, all else stays as it is.
    #[must_use]
    pub fn under(self, freeze: &Freeze) -> Self {
        match self.outcome {
            Outcome::Approve => Self {
                outcome: Outcome::Escalate,
                cause: Cause::Frozen,
                terms: Some(Terms::default()),
                freeze: Some(freeze.clone()),
                ..self
            },
            Outcome::Reject | Outcome::Escalate => self,
        }
    }
}

macro_rules! word {
    ($name:ty { $($variant:path => $word:literal),* $(,)? }) => {
        impl $name {
            /// The word for it in the API, the log and the database.
            pub fn as_str(self) -> &'static str {
                match self { $($variant => $word),* }
            }

            /// The value behind a word of [`Self::as_str`].
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

word!(Outcome { Self::Approve => "approve", Self::Reject => "reject", Self::Escalate => "escalate" });
word!(Cause {
    Self::Rule => "rule", Self::NoRule => "no_rule", Self::PolicyError => "policy_error",
    Self::Evidence => "evidence", Self::Frozen => "frozen", Self::Source => "source",
});
word!(RuleSet { Self::Approve => "approve", Self::Reject => "reject", Self::Escalate => "escalate" });
word!(Truth { Self::True => "true", Self::False => "false", Self::Unknown => "unknown" });

pub(crate) use word;
