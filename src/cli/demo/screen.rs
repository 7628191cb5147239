//! What the demo shows: one line for each decision, answer and refusal, and a summary.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use owo_colors::OwoColorize as _;

use crate::domain::case::{Case, Resolver};
use crate::domain::id::SourceName;
use crate::domain::rationale::{self, visible};
use crate::domain::verdict::Outcome;
use crate::flow::{Observer, Refusal, Took};
use crate::source::{NotListed, Occasion};

/// The terminal, and what was counted on the way.
#[derive(Default)]
pub(super) struct Screen {
    counts: Mutex<Counts>,
}

/// How much of what there was.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) approved: u64,
    pub(super) rejected: u64,
    pub(super) escalated: u64,
    pub(super) expired: u64,
    pub(super) duplicates: u64,
    pub(super) unverified: u64,
    pub(super) malformed: u64,
    pub(super) other_refusals: u64,
    pub(super) unnamed_rationales: u64,
}

impl Screen {
    pub(super) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// One line for people, on standard output.
    pub(super) fn say(line: &str) {
        // A terminal that went away is no reason to stop deciding.
        let _ = writeln!(anstream::stdout().lock(), "{line}");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(word: &str, what: &str) {
        Self::say(&format!(
            "{} {} {}",
            "!".magenta().bold(),
            format!("{word:<9}").magenta(),
            visible(what)
        ));
    }
}

impl Observer for Screen {
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
        let expired = case.asked.expired(case.decided_at);
        let mark = if expired {
            counts.expired += 1;
            format!("{} {}", "-".dimmed(), "expired  ".dimmed())
        } else {
            match case.outcome {
                Outcome::Approve => {
                    counts.approved += 1;
                    format!("{} {}", "✓".green().bold(), "approve  ".green())
                }
                Outcome::Reject => {
                    counts.rejected += 1;
                    format!("{} {}", "✗".red().bold(), "reject   ".red())
                }
                Outcome::Escalate => {
                    counts.escalated += 1;
                    format!("{} {}", "?".yellow().bold(), "escalate ".yellow())
                }
            }
        };
        drop(counts);
        let action = visible(case.asked.action.as_deref().unwrap_or("(no action)"));
        let agent = visible(case.asked.agent.as_deref().unwrap_or("(no agent)"));
        let verdict = &case.verdict;
        let rule = verdict.rules.first().map(|rule| (&rule.file, rule.line));
        let fact = verdict.evidence.first().map(|fact| (&fact.file, fact.line));
        let place = fact
            .or(rule)
            .map(|(file, line)| format!(" {}", format!("{file}:{line}").dimmed()));
        Self::say(&format!(
            "{mark} {action:<18} {agent:<14} {rationale}{}",
            place.unwrap_or_default()
        ));
    }

    fn ignored(&self, _source: &SourceName, _occasion: &Occasion) {}

    fn reconciled(&self, source: &SourceName, result: Result<usize, &NotListed>) {
        match result {
            Ok(0) | Err(_) => {}
            Ok(found) => Self::say(&format!("  {found} lost by {source} and found in its list")),
        }
    }

    fn acknowledged(&self, _source: &SourceName, status: &'static str) {
        if status == "duplicate" {
            self.lock().duplicates += 1;
            Self::say(&format!(
                "{} {}",
                "=".dimmed(),
                "duplicate of a delivery that was decided before; the platform is told so".dimmed()
            ));
        }
    }

    fn refused(&self, _source: &str, refusal: &Refusal) {
        match refusal {
            Refusal::Unverified(reason) => {
                self.lock().unverified += 1;
                Self::refusal("refused", &format!("401 unverified: {reason}"));
            }
            Refusal::Malformed(reason) => {
                self.lock().malformed += 1;
                Self::refusal("refused", &format!("400 malformed: {reason}"));
            }
            Refusal::UnknownSource(_) | Refusal::Conflict(_) | Refusal::Unstored(_) => {
                self.lock().other_refusals += 1;
                Self::refusal("refused", &refusal.to_string());
            }
        }
    }

    fn moved(&self, case: &Case) {
        let resolution = case.resolution();
        // That policy's own decision was told is said once, in the summary.
        if let Some(resolution) = resolution.filter(|one| one.by != Resolver::Policy) {
            let reason = resolution.reason.as_deref().unwrap_or("no reason given");
            let line = format!(
                "{} {} by {}: {}",
                visible(case.asked.request.as_str()),
                resolution.outcome,
                visible(&resolution.by.to_string()),
                visible(reason)
            );
            Self::say(&format!("{} {}", "→".cyan(), line.cyan()));
        }
    }

    fn attempted(
        &self,
        _source: &SourceName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    ) {
        if let Some(error) = error {
            Self::refusal(result, &format!("{kind}: {error}"));
        }
    }
}
