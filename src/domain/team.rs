//! Teams: who is asked, for how long, who is asked next, and where they are told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::escalation::EscalationDefaults;
use crate::domain::hours::WorkingHours;
use crate::domain::notice::ChannelName;
use crate::domain::person::{Person, Role, same};
use crate::domain::verdict::Terms;

/// A team as the config has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Team {
    /// What policies call it in `to`.
    pub name: String,
    /// Who belongs to it, by name or e-mail address.
    pub members: BTreeSet<String>,
    /// The groups of a directory whose people belong to it.
    pub groups: BTreeSet<String>,
    /// How many must approve where the policy does not say.
    pub votes: Option<u32>,
    /// The longest that it has for an answer. The policy may give it less.
    pub within: Option<SignedDuration>,
    /// When it works; always, if that is not said.
    pub hours: Option<WorkingHours>,
    /// Who is asked when its time is up.
    pub then: Option<String>,
    /// What happens when its time is up and nobody is asked next.
    pub on_deadline: OnDeadline,
    /// Where it is told.
    pub channels: Vec<ChannelName>,
}

/// What nobody answering means. Never an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnDeadline {
    /// The question ends, and the platform is told nothing.
    #[default]
    Expire,
    /// The platform is told no.
    Reject,
}

/// Everybody who may be asked, and what holds where a policy does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    teams: BTreeMap<String, Team>,
    /// Whose agents are whose: an agent's id and its owners, by name or e-mail address.
    owners: BTreeMap<String, BTreeSet<String>>,
    defaults: EscalationDefaults,
}

/// How a team is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// How many must approve.
    pub votes: u32,
    /// When its time is up.
    pub deadline: Timestamp,
    /// When half of it is.
    pub half_time: Timestamp,
}

impl People {
    /// These teams, with the owners of agents.
    pub fn new(
        teams: Vec<Team>,
        owners: BTreeMap<String, BTreeSet<String>>,
        defaults: EscalationDefaults,
    ) -> Self {
        let teams = teams
            .into_iter()
            .map(|team| (team.name.clone(), team))
            .collect();
        Self {
            teams,
            owners,
            defaults,
        }
    }

    /// Everybody, in no team.
    pub fn without_teams(defaults: EscalationDefaults) -> Self {
        Self::new(Vec::new(), BTreeMap::new(), defaults)
    }

    /// The teams, by name.
    pub fn teams(&self) -> impl Iterator<Item = &Team> {
        self.teams.values()
    }

    /// The team of this name.
    pub fn team(&self, name: &str) -> Option<&Team> {
        self.teams.get(name)
    }

    /// What holds where nobody says otherwise.
    pub fn defaults(&self) -> &EscalationDefaults {
        &self.defaults
    }

    /// The teams that somebody with this name, address and these groups of a directory belongs to.
    pub fn teams_of(&self, name: &str, email: Option<&str>, groups: &[String]) -> BTreeSet<String> {
        let listed = |team: &Team| {
            let called = |member: &String| {
                same(member, name) || email.is_some_and(|email| same(member, email))
            };
            team.members.iter().any(called)
                || groups.iter().any(|group| team.groups.contains(group))
        };
        let theirs = self.teams.values().filter(|team| listed(team));
        theirs.map(|team| team.name.clone()).collect()
    }

    /// Whether `person` may vote on a question to `to`. A question to a team that nobody configured is one for admins: it
    /// is likely to be a slip of the pen, and must not be one to everybody. Without any team, names of teams mean nothing.
    pub fn may_vote(&self, person: &Person, to: Option<&str>) -> bool {
        match person.role {
            Role::Viewer => false,
            Role::Admin => true,
            Role::Approver => match to {
                None => true,
                Some(_) if self.teams.is_empty() => true,
                Some(team) => self.teams.contains_key(team) && person.teams.contains(team),
            },
        }
    }

    /// Who owns any agent, by name or e-mail address.
    pub fn owners(&self) -> impl Iterator<Item = &String> {
        self.owners.values().flatten()
    }

    /// Whether `person` owns `agent`: nobody votes on what their own agent asks.
    pub fn owns(&self, person: &Person, agent: Option<&str>) -> bool {
        let owners = agent.and_then(|agent| {
            let mut agents = self.owners.iter();
            agents
                .find(|(id, _)| same(id, agent))
                .map(|(_, owners)| owners)
        });
        owners.is_some_and(|owners| owners.iter().any(|owner| person.is_called(owner)))
    }

    /// How `team` is asked what a policy asks under `terms`: the shorter of the policy's time and the team's, in the team's
    /// working hours, and no longer than the request itself lives.
    pub fn asking(
        &self,
        team: Option<&str>,
        terms: &Terms,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Asking {
        let team = team.and_then(|name| self.teams.get(name));
        let policys = terms
            .within_seconds
            .map(|seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)));
        let within = policys
            .into_iter()
            .chain(team.and_then(|team| team.within))
            .min()
            .unwrap_or(self.defaults.within);
        let passed = |time: SignedDuration| match team.and_then(|team| team.hours.as_ref()) {
            Some(hours) => hours.after(now, time),
            None => now.saturating_add(time).unwrap_or(Timestamp::MAX),
        };
        let left = expires_at.map(|at| at.duration_since(now) / 2);
        let half_of_life = left.and_then(|half| now.saturating_add(half).ok());
        Asking {
            votes: terms
                .votes
                .or(team.and_then(|team| team.votes))
                .unwrap_or(self.defaults.votes)
                .max(1),
            deadline: expires_at.into_iter().fold(passed(within), Timestamp::min),
            half_time: half_of_life
                .into_iter()
                .fold(passed(within / 2), Timestamp::min),
        }
    }

    /// Who is asked after `team`, unless they were `asked` before.
    pub fn next(&self, team: Option<&str>, asked: &[String]) -> Option<&Team> {
        let team = self.teams.get(team?)?;
        let next = self.teams.get(team.then.as_deref()?)?;
        (next.name != team.name && !asked.contains(&next.name)).then_some(next)
    }

    /// Where `team` is told.
    pub fn channels(&self, team: Option<&str>) -> &[ChannelName] {
        team.and_then(|name| self.teams.get(name))
            .map_or(&[], |team| &team.channels)
    }
}
