//! What the demo shows: one line for each decision, answer and refusal, behind the platform that it is of.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use owo_colors::OwoColorize as _;
use tokio::sync::Notify;

use crate::domain::case::{AnswerState, Case, Moved, Resolution, Resolved, Resolver};
use crate::domain::effect::Ballot;
use crate::domain::id::SourceName;
use crate::domain::notice::ChannelName;
use crate::domain::rationale::{self, visible};
use crate::domain::verdict::Outcome;
use crate::flow::{Observer, Refusal, Took};
use crate::source::{NotListed, Occasion};

/// The terminal, and what was counted on the way.
#[derive(Default)]
pub(super) struct Screen {
    counts: Mutex<Counts>,
    reconciled: Notify,
}

/// How much of what there was.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// What we hold of every request, by its source and by the platform's own id.
    pub(super) cases: BTreeMap<String, BTreeMap<String, Standing>>,
    pub(super) unverified: u64,
    pub(super) malformed: u64,
    pub(super) conflicts: u64,
    pub(super) unstored: u64,
    pub(super) found: usize,
    pub(super) unnamed_rationales: u64,
}

/// How we say that a request stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// Our answer, whoever gave it.
    pub(super) answer: Option<Ballot>,
    /// Whether it had expired before it came.
    pub(super) expired: bool,
    /// Whether policy, or a doubt, left it to people.
    pub(super) left: bool,
}

impl Standing {
    fn of(case: &Case) -> Self {
        let answer = case.resolution().and_then(|one| match one.outcome {
            Resolved::Approved => Some(Ballot::Approve),
            Resolved::Rejected => Some(Ballot::Reject),
            Resolved::Expired | Resolved::Superseded => None,
        });
        Self {
            answer,
            expired: case.asked.expired(case.decided_at),
            left: case.verdict.outcome == Outcome::Escalate,
        }
    }
}

impl Counts {
    fn note(&mut self, case: &Case) {
        let source = case.asked.source.as_str().to_owned();
        let cases = self.cases.entry(source).or_default();
        let request = case.asked.request.as_str().to_owned();
        cases.insert(request, Standing::of(case));
    }
}

impl Screen {
    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Returns when a platform's list was gone through.
    pub(super) async fn reconciled(&self) {
        self.reconciled.notified().await;
    }

    /// One line for people, on standard output.
    pub(super) fn say(line: &str) {
        // A terminal that went away is no reason to stop deciding.
        let _ = writeln!(anstream::stdout().lock(), "{line}");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One line behind a mark and the platform that it is of.
    pub(super) fn event(mark: &str, source: &str, what: &str) {
        Self::say(&format!("{mark} {source:<11} {what}"));
    }

    fn refusal(source: &str, what: &str) {
        let what = visible(what);
        Self::event(
            &"!".magenta().bold().to_string(),
            source,
            &what.magenta().to_string(),
        );
    }
}

impl Observer for Screen {
    fn told(
        &self,
        _channel: &ChannelName,
        _kind: &'static str,
        _result: &'static str,
        _error: Option<&str>,
    ) {
    }

    fn decided(&self, case: &Case, _input: &str, _took: Took) {
        let rationale = rationale::short(&case.verdict);
        let named = case.verdict.rules.is_empty()
            || case
                .verdict
                .rules
                .iter()
                .any(|rule| rationale.contains(&visible(&rule.title)));
        let mut counts = self.lock();
        if !named {
            counts.unnamed_rationales += 1;
        }
        counts.note(case);
        drop(counts);
        let expired = case.asked.expired(case.decided_at);
        let (mark, word) = match case.outcome {
            Outcome::Approve | Outcome::Reject | Outcome::Escalate if expired => {
                ("-".dimmed().to_string(), "Expired before it came. ")
            }
            Outcome::Approve => ("✓".green().bold().to_string(), ""),
            Outcome::Reject => ("✗".red().bold().to_string(), ""),
            Outcome::Escalate => ("?".yellow().bold().to_string(), ""),
        };
        let action = visible(case.asked.action.as_deref().unwrap_or("(no action)"));
        let agent = visible(case.asked.agent.as_deref().unwrap_or("(no agent)"));
        let verdict = &case.verdict;
        let rule = verdict.rules.first().map(|rule| (&rule.file, rule.line));
        let fact = verdict.evidence.first().map(|fact| (&fact.file, fact.line));
        let place = fact
            .or(rule)
            .map(|(file, line)| format!(" {}", format!("{file}:{line}").dimmed()));
        let place = place.unwrap_or_default();
        let what = format!("{action:<18} {agent:<11} {word}{rationale}{place}");
        Self::event(&mark, case.asked.source.as_str(), &what);
    }

    fn ignored(&self, _source: &SourceName, _occasion: &Occasion) {}

    fn reconciled(&self, source: &SourceName, result: Result<usize, &NotListed>) {
        self.reconciled.notify_one();
        match result {
            Ok(0) => {}
            Ok(found) => {
                self.lock().found += found;
                let what =
                    format!("{found} that nobody told us of, found in the platform's own list");
                Self::event(
                    &"+".cyan().to_string(),
                    source.as_str(),
                    &what.cyan().to_string(),
                );
            }
            Err(error) => Self::refusal(source.as_str(), &error.to_string()),
        }
    }

    fn acknowledged(&self, _source: &SourceName, _status: &'static str) {}

    fn refused(&self, source: &str, refusal: &Refusal) {
        let mut counts = self.lock();
        let what = match refusal {
            Refusal::Unverified(reason) => {
                counts.unverified += 1;
                format!("401 unverified: {reason}")
            }
            Refusal::Malformed(reason) => {
                counts.malformed += 1;
                format!("400 malformed: {reason}")
            }
            Refusal::Conflict(_) => {
                counts.conflicts += 1;
                format!("409 conflict: {refusal}")
            }
            Refusal::UnknownSource(_) | Refusal::Unstored(_) => {
                counts.unstored += 1;
                refusal.to_string()
            }
        };
        drop(counts);
        Self::refusal(source, &what);
    }

    fn moved(&self, moved: &Moved) {
        let case = &moved.case;
        self.lock().note(case);
        // That policy's own decision was told is said once, in the summary; of a person's, that it was made.
        let is_said =
            |one: &&Resolution| one.by == Resolver::Policy || one.answer == AnswerState::Settled;
        if let Some(resolution) = case.resolution().filter(|one| !is_said(one)) {
            let reason = resolution.reason.as_deref().unwrap_or("no reason given");
            let line = format!(
                "{} {} by {}: {}",
                visible(case.asked.request.as_str()),
                resolution.outcome,
                visible(&resolution.by.to_string()),
                visible(reason)
            );
            Self::event(
                &"→".cyan().to_string(),
                case.asked.source.as_str(),
                &line.cyan().to_string(),
            );
        }
    }

    fn attempted(
        &self,
        source: &SourceName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    ) {
        if let Some(error) = error {
            Self::refusal(source.as_str(), &format!("{kind} {result}: {error}"));
        }
    }
}
