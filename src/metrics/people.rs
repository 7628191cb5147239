//! What is counted of the people's side: the questions that are open, how long people take, and whether they could be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::Metrics;
use crate::domain::notice::ChannelName;
use crate::store::Waiting;

/// The label of questions that everybody is asked.
const EVERYBODY: &str = "";

/// The label of questions to teams that nobody configured: their names may be made up by whoever asks. No team can be called
/// so.
const UNKNOWN: &str = "(unknown)";

#[derive(Debug)]
pub(super) struct People {
    teams: OnceLock<BTreeSet<String>>,
    open: Family<Team, Gauge>,
    oldest: Family<Team, Gauge<f64, AtomicU64>>,
    time: Family<Decided, Histogram, fn() -> Histogram>,
    notices: Family<Told, Counter>,
    users_refused: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Team {
    team: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    team: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    team: String,
    kind: &'static str,
    result: &'static str,
}

impl People {
    pub(super) fn new(registry: &mut Registry) -> Self {
        // From five seconds to almost two days.
        let buckets = || Histogram::new(exponential_buckets(5.0, 2.0, 16));
        let people = Self {
            teams: OnceLock::new(),
            open: Family::default(),
            oldest: Family::default(),
            time: Family::new_with_constructor(buckets),
            notices: Family::default(),
            users_refused: Gauge::default(),
        };
        registry.register(
            "escalations_open",
            "Questions that a team has not answered",
            people.open.clone(),
        );
        registry.register(
            "escalation_age_seconds",
            "How long the oldest open question of a team has waited",
            people.oldest.clone(),
        );
        registry.register(
            "escalation_duration_seconds",
            "From the question to the last word",
            people.time.clone(),
        );
        registry.register(
            "notices",
            "Attempts at telling a team",
            people.notices.clone(),
        );
        registry.register(
            "users_refused",
            "Users in the users file who do not get in; -1 while the file cannot be used and none does",
            people.users_refused.clone(),
        );
        people
    }

    /// These are the configured teams.
    pub(super) fn introduce(&self, teams: BTreeSet<String>) {
        // Said once, at the start.
        let _ = self.teams.set(teams);
    }

    /// What each team is asked at `now`.
    pub(super) fn waiting(&self, waiting: &[Waiting], now: Timestamp) {
        let known = self.teams.get().into_iter().flatten().map(String::as_str);
        let mut open: BTreeMap<String, (u64, Option<Timestamp>)> = (known.chain([EVERYBODY]))
            .map(|team| (team.to_owned(), (0, None)))
            .collect();
        for team in waiting {
            let (count, oldest) = open.entry(self.label(team.team.as_deref())).or_default();
            *count += team.open;
            *oldest = oldest.iter().chain(&team.oldest).min().copied();
        }
        for (team, (count, oldest)) in open {
            let labels = Team { team };
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.open.get_or_create(&labels).set(count);
            let age = oldest.map_or(SignedDuration::ZERO, |oldest| now.duration_since(oldest));
            self.oldest
                .get_or_create(&labels)
                .set(age.as_secs_f64().max(0.0));
        }
    }

    /// A question was open for so long.
    pub(super) fn closed(&self, team: Option<&str>, outcome: &'static str, after: SignedDuration) {
        let labels = Decided {
            team: self.label(team),
            outcome,
        };
        let after = after.as_secs_f64().max(0.0);
        self.time.get_or_create(&labels).observe(after);
    }

    fn label(&self, team: Option<&str>) -> String {
        let known = |team: &&str| self.teams.get().is_some_and(|teams| teams.contains(*team));
        match team {
            Some(team) if self.is_unknown(team) => UNKNOWN,
            Some(team) => Some(team).filter(known).unwrap_or(EVERYBODY),
            None => EVERYBODY,
        }
        .to_owned()
    }

    /// Whether there are teams, and this is none. Without any, names of teams mean nothing, and everybody is asked.
    fn is_unknown(&self, team: &str) -> bool {
        let teams = self.teams.get().filter(|teams| !teams.is_empty());
        teams.is_some_and(|teams| !teams.contains(team))
    }

    pub(super) fn notice(&self, channel: &ChannelName, kind: &'static str, result: &'static str) {
        let labels = Told {
            team: channel.team().to_owned(),
            kind,
            result,
        };
        self.notices.get_or_create(&labels).inc();
    }
}

impl Metrics {
    /// An attempt at telling a team ended: `done`, `retry` or `failed`.
    pub fn notice(&self, channel: &ChannelName, kind: &'static str, result: &'static str) {
        self.people.notice(channel, kind, result);
    }

    /// These are the configured teams; the names of others are no labels.
    pub fn teams(&self, teams: BTreeSet<String>) {
        self.people.introduce(teams);
    }

    /// Whether a question to `team` is one for admins, since there are teams and this is none of them.
    pub fn team_is_unknown(&self, team: &str) -> bool {
        self.people.is_unknown(team)
    }

    /// So many users of the users file do not get in; `None` while it cannot be used.
    pub fn users(&self, refused: Option<usize>) {
        let refused = refused.map_or(-1, |refused| i64::try_from(refused).unwrap_or(i64::MAX));
        self.people.users_refused.set(refused);
    }

    /// What each team is asked at `now`.
    pub fn escalations(&self, waiting: &[Waiting], now: Timestamp) {
        self.people.waiting(waiting, now);
    }

    /// A question to `team` ended so long after it was asked.
    pub fn escalation_closed(
        &self,
        team: Option<&str>,
        outcome: &'static str,
        after: SignedDuration,
    ) {
        self.people.closed(team, outcome, after);
    }
}
