//! How people decided requests like this one.

use super::When;
use crate::domain::case::{Case, Resolved, Resolver};
use crate::domain::platform::PlatformOutcome;
use crate::domain::rationale::{bounded, visible};
use crate::store::Precedent;
use jiff::Timestamp;

/// So many are looked at.
pub(super) const LOOKED_AT: usize = 100;
/// So many of these are listed.
const LISTED: usize = 5;

/// Earlier requests for the same action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Before {
    /// One line for those of the same agent, and one for those of others.
    pub(super) counts: Vec<Count>,
    /// The last few, those of the same agent first.
    pub(super) listed: Vec<Earlier>,
    /// Whether there may be more than were looked at.
    pub(super) is_cut: bool,
}

/// How some of them ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    /// Whose requests they are.
    pub(super) whose: String,
    /// `7 approved, 1 rejected by people`.
    pub(super) words: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) id: String,
    pub(super) outcome: &'static str,
    /// The class that colours it.
    pub(super) class: &'static str,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) at: When,
}

/// How somebody decided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Approved,
    Rejected,
    /// The platform ended it in some other way.
    Otherwise,
}

impl Before {
    /// What `found` says about `case`.
    pub(super) fn of(case: &Case, found: &[Precedent], now: Timestamp) -> Self {
        let agent = &case.asked.agent;
        let (theirs, others): (Vec<&Precedent>, Vec<&Precedent>) =
            found.iter().partition(|earlier| earlier.agent == *agent);
        let whose = agent.as_deref().map_or_else(
            || "Requests without an agent".to_owned(),
            |agent| format!("By {}", bounded(&visible(agent), 80)),
        );
        let counts = [(whose, theirs), ("By others".to_owned(), others)];
        let counts = counts.into_iter().filter(|(_, which)| !which.is_empty());
        Self {
            counts: counts
                .map(|(whose, which)| Count {
                    whose,
                    words: words(&which),
                })
                .collect(),
            listed: (found.iter().take(LISTED))
                .map(|earlier| Earlier::of(earlier, now))
                .collect(),
            is_cut: found.len() >= LOOKED_AT,
        }
    }
}

impl Earlier {
    fn of(earlier: &Precedent, now: Timestamp) -> Self {
        let (outcome, class) = match way(earlier) {
            Way::Approved => ("approved", "yes"),
            Way::Rejected => ("rejected", "no"),
            Way::Otherwise => ("ended", "quiet"),
        };
        let resolution = &earlier.resolution;
        Self {
            id: earlier.case_id.to_string(),
            outcome,
            class,
            by: match &resolution.by {
                Resolver::Person(name) => visible(name),
                Resolver::Platform | Resolver::Policy | Resolver::Deadline => {
                    "the platform".to_owned()
                }
            },
            reason: (resolution.reason.as_deref()).map(|reason| bounded(&visible(reason), 160)),
            agent: earlier.agent.as_deref().map(visible),
            at: When::new(resolution.at, now),
        }
    }
}

fn way(earlier: &Precedent) -> Way {
    match (&earlier.resolution.by, &earlier.platform_outcome) {
        (Resolver::Person(_), _) => match earlier.resolution.outcome {
            Resolved::Approved => Way::Approved,
            Resolved::Rejected => Way::Rejected,
            Resolved::Expired | Resolved::Superseded => Way::Otherwise,
        },
        (_, Some(PlatformOutcome::Approved)) => Way::Approved,
        (_, Some(PlatformOutcome::Rejected)) => Way::Rejected,
        (_, Some(PlatformOutcome::Expired | PlatformOutcome::Other(_)) | None) => Way::Otherwise,
    }
}

/// `7 approved, 1 rejected by people; 2 approved on the platform`.
fn words(which: &[&Precedent]) -> String {
    let (here, there): (Vec<&Precedent>, Vec<&Precedent>) = which
        .iter()
        .partition(|earlier| matches!(earlier.resolution.by, Resolver::Person(_)));
    let count = |which: &[&Precedent]| {
        let named = [
            (Way::Approved, "approved"),
            (Way::Rejected, "rejected"),
            (Way::Otherwise, "ended otherwise"),
        ];
        let counted = named.into_iter().filter_map(|(wanted, word)| {
            let number = which.iter().filter(|one| way(one) == wanted).count();
            (number > 0).then(|| format!("{number} {word}"))
        });
        counted.collect::<Vec<_>>().join(", ")
    };
    let parts = [(here, "by people"), (there, "on the platform")];
    let parts = parts.into_iter().filter(|(which, _)| !which.is_empty());
    let parts = parts.map(|(which, place)| format!("{} {place}", count(&which)));
    parts.collect::<Vec<_>>().join("; ")
}
