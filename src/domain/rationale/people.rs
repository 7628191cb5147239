//! Who decided, where people did, and why.

use super::{bounded, visible};
use crate::domain::case::{Case, Resolution, Resolved, Resolver};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Vote;
use crate::domain::person::same;

/// Whose votes made `resolution`, if people's did: `bob, alice`.
pub fn voters(case: &Case, resolution: &Resolution) -> Option<String> {
    let votes = deciding(case, resolution).into_iter();
    let names: Vec<String> = votes.map(|vote| visible(&vote.by)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Who decided, each with the reason they gave.
pub(super) fn said(case: &Case, resolution: &Resolution, last: &str) -> Vec<(String, String)> {
    let shown = |name: &str, reason: Option<&str>| {
        let reason = reason.unwrap_or_default().trim();
        (visible(name), visible(reason))
    };
    let votes = deciding(case, resolution);
    if votes.is_empty() {
        return vec![shown(last, resolution.reason.as_deref())];
    }
    let votes = votes.iter();
    votes
        .map(|vote| shown(&vote.by, vote.reason.as_deref()))
        .collect()
}

/// `done` by these people: all names before any reason, so that nobody can write another voter into theirs. Where it would
/// be too long, the reasons give way alike, and before the names.
pub(super) fn by_people(done: &str, said: &[(String, String)], limit: usize) -> String {
    let names: Vec<&str> = said.iter().map(|(name, _)| name.as_str()).collect();
    let mut who = format!("{done} by {}", names.join(", "));
    let is_one = said
        .iter()
        .all(|(_, reason)| Some(reason) == said.first().map(|(_, first)| first));
    let mut reasons: Vec<(&str, String)> = said
        .iter()
        .filter(|(_, reason)| !reason.is_empty())
        .map(|(name, reason)| {
            let whose = if is_one {
                String::new()
            } else {
                format!(" ({name})")
            };
            (reason.as_str(), whose)
        })
        .collect();
    if is_one {
        reasons.truncate(1);
    }
    if !reasons.is_empty() {
        who.push_str(": ");
    }
    let text = |longest: usize| {
        let reasons = reasons.iter();
        let each = reasons.map(|(reason, whose)| format!("{}{whose}", bounded(reason, longest)));
        format!("{who}{}", each.collect::<Vec<_>>().join("; "))
    };
    let longest = reasons.iter().map(|(reason, _)| reason.chars().count());
    // The longest that a reason may be for all of it to fit.
    let (mut fits, mut too_long) = (1, longest.max().unwrap_or_default() + 1);
    while fits + 1 < too_long {
        let half = usize::midpoint(fits, too_long);
        if text(half).chars().count() <= limit {
            fits = half;
        } else {
            too_long = half;
        }
    }
    bounded(&text(fits), limit)
}

/// The votes that made `resolution`, if people did: those that agree with it and were given for the team of the last one.
fn deciding<'c>(case: &'c Case, resolution: &Resolution) -> Vec<&'c Vote> {
    let Resolver::Person(last) = &resolution.by else {
        return Vec::new();
    };
    let last = case.votes.iter().rfind(|vote| same(&vote.by, last));
    let team = last.map(|vote| &vote.team);
    let counts = |vote: &&Vote| agrees(vote.vote, resolution) && Some(&vote.team) == team;
    case.votes.iter().filter(counts).collect()
}

fn agrees(ballot: Ballot, resolution: &Resolution) -> bool {
    match ballot {
        Ballot::Approve => resolution.outcome == Resolved::Approved,
        Ballot::Reject => resolution.outcome == Resolved::Rejected,
    }
}
