//! What there was, and whether every platform sees it as we do.

use std::collections::BTreeMap;

use owo_colors::OwoColorize as _;

use super::platform::{Name, Platforms, View};
use super::screen::{Counts, Screen, Standing};
use crate::cli::ExitStatus;
use crate::domain::effect::Ballot;

/// What the platforms know that they have sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Webhooks that came again.
    pub(super) duplicates: u64,
    /// Approvals that a forged webhook said another thing of.
    pub(super) lies: Vec<String>,
    /// Webhooks that never arrived.
    pub(super) lost: usize,
}

/// Tells it, and says so when somebody sees it otherwise.
pub(super) fn tell(counts: &Counts, sent: &Sent, platforms: &Platforms) -> ExitStatus {
    Screen::say(&format!("\n{}", "summary".bold()));
    let unknown = BTreeMap::new();
    let mut agrees = counts.unnamed_rationales == 0;
    for name in Name::ALL {
        let view = platforms.of(name).view();
        let ours = counts.cases.get(name.as_str()).unwrap_or(&unknown);
        agrees &= agree(&view, ours);
        row(name.as_str(), &of_platform(&view, ours));
    }

    let carried_out = platforms.executor.carried_out();
    let view = platforms.of(Name::AgentWarden).view();
    let approved = view.approved().count();
    let what = if carried_out.keys().eq(view.approved()) {
        "what AgentWarden approved, and nothing else".to_owned()
    } else {
        agrees = false;
        format!("AgentWarden approved {approved}")
    };
    row(
        "executor",
        &format!("carried out {} actions: {what}", carried_out.len()),
    );

    let ours = counts.cases.get(Name::AgentWarden.as_str());
    let is_left = |id: &&String| {
        let standing = ours.and_then(|cases| cases.get(*id));
        standing.is_some_and(|standing| standing.left)
    };
    let left = sent.lies.iter().filter(is_left).count();
    agrees &= left == sent.lies.len();
    row(
        "forged",
        &format!(
            "{} with a real id and another context, {left} of them left to people",
            sent.lies.len()
        ),
    );
    row(
        "lost",
        &format!(
            "{} on their way to us, {} of them found in AgentWarden's own list",
            sent.lost, counts.found
        ),
    );
    row(
        "duplicates",
        &format!("{}, each answered from its one case", sent.duplicates),
    );
    row(
        "refused",
        &format!(
            "{} unverified, {} malformed, {} with other content than before, {} others",
            counts.unverified, counts.malformed, counts.conflicts, counts.unstored
        ),
    );
    if agrees {
        return ExitStatus::Done;
    }
    let differ = "  a platform's view and ours differ; this is a bug worth reporting";
    Screen::say(&format!("{}", differ.red().bold()));
    ExitStatus::CouldNot
}

fn row(name: &str, what: &str) {
    Screen::say(&format!("  {name:<11} {what}"));
}

fn of_platform(view: &View, ours: &BTreeMap<String, Standing>) -> String {
    let taken = |ballot| {
        let answers = view.approvals.values();
        answers.filter(|answer| **answer == Some(ballot)).count()
    };
    let expired = ours.values().filter(|standing| standing.expired).count();
    let left = ours.values().filter(|standing| standing.answer.is_none());
    let left = left.count().saturating_sub(expired);
    let expired = match expired {
        0 => String::new(),
        _ => format!(", {expired} expired before they came"),
    };
    format!(
        "took {} approvals and {} rejections, each with its rationale; {left} left to people{expired}",
        taken(Ballot::Approve),
        taken(Ballot::Reject)
    )
}

/// Whether the platform has every request that we have, and no other, with our answer where there is one.
fn agree(view: &View, ours: &BTreeMap<String, Standing>) -> bool {
    let answers = ours.iter().map(|(id, standing)| (id, &standing.answer));
    view.contradictions == 0 && view.without_rationale == 0 && view.approvals.iter().eq(answers)
}
