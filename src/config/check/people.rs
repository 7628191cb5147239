//! Teams: whether there are those that are named, whether one of them is asked last, whether they can be told, and
//! whether anybody is in them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::operators::has_users;
use crate::config::people::WrittenTeam;
use crate::config::reader::{Reader, listed};
use crate::config::sections::Places;
use crate::config::{ChannelKind, Config, OperatorToken, code};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::person::{Role, same};
use crate::domain::team::{OnDeadline, Team};
use crate::notify::Decisions;

pub(super) fn check(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let teams = &places.people.teams;
    one_name_each(reader, teams);
    // Where a name could not be read, it is not known which teams there are not.
    if !places.people.incomplete {
        unknown(reader, config, places);
    }
    circles(reader, teams);
    for written in teams {
        end(reader, teams, written);
        told(reader, places, written);
        nobody(reader, config, places, written);
    }
    tools(reader, config, teams);
}

fn find<'t>(teams: &'t [WrittenTeam], name: &str) -> Option<&'t WrittenTeam> {
    teams.iter().find(|written| written.team.name == name)
}

/// Who is asked when the time of `written` is up.
fn next<'t>(teams: &'t [WrittenTeam], written: &WrittenTeam) -> Option<&'t WrittenTeam> {
    find(teams, written.team.then.as_deref()?)
}

fn one_name_each(reader: &mut Reader<'_>, teams: &[WrittenTeam]) {
    for (at, written) in teams.iter().enumerate() {
        let mut earlier = teams.iter().take(at);
        if earlier.any(|other| same(&other.team.name, &written.team.name)) {
            let message = format!("two teams are called `{}`", written.team.name);
            let mistake = Diagnostic::error(code::DUPLICATE, message);
            let help = "give each a name of its own; case does not count";
            reader.note(&written.place.name, mistake.help(help));
        }
    }
}

/// What names a team names one that is there. Without any team, the names of policies mean nothing, and so may ours.
fn unknown(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let teams = &places.people.teams;
    let mut named: Vec<(&str, &Range<usize>)> = Vec::new();
    if let (Some(to), Some(place)) = (&config.people.defaults().to, &places.escalation_to)
        && !teams.is_empty()
    {
        named.push((to, place));
    }
    for written in teams {
        if let (Some(then), Some(place)) = (&written.team.then, &written.place.then) {
            named.push((then, place));
        }
    }
    let operators = config.operators.tokens.iter();
    for (operator, place) in operators.zip(&places.operators.tokens) {
        let theirs = operator.teams.iter().map(String::as_str);
        named.extend(theirs.zip(&place.teams));
    }
    let known: Vec<_> = teams
        .iter()
        .map(|written| written.team.name.as_str())
        .collect();
    for (name, place) in named {
        if known.contains(&name) {
            continue;
        }
        let alike = known.iter().copied().find(|known| same(known, name));
        let help = match alike.or_else(|| did_you_mean(name, known.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "add it under `teams`".to_owned(),
            None => format!("add it under `teams`, or write {}", listed(&known)),
        };
        let message = format!("there is no team `{name}`");
        let mistake = Diagnostic::error(code::UNKNOWN_TEAM, message);
        reader.note(place, mistake.help(help));
    }
}

/// Each team is asked once, so that a question ends.
fn circles(reader: &mut Reader<'_>, teams: &[WrittenTeam]) {
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for first in teams {
        let mut way = vec![first.team.name.as_str()];
        let mut asked = next(teams, first);
        while let Some(team) = asked {
            let name = team.team.name.as_str();
            if way.contains(&name) {
                break;
            }
            way.push(name);
            asked = next(teams, team);
        }
        // A way that ends in a circle without being part of it is told of where the circle is.
        let is_circle = asked.is_some_and(|team| team.team.name == first.team.name);
        if !is_circle || reported.contains(first.team.name.as_str()) {
            continue;
        }
        reported.extend(&way);
        way.push(&first.team.name);
        let way: Vec<_> = way.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("teams are asked in a circle: {}", way.join(", then "));
        let help = "each team is asked once: remove `then` where the question shall end";
        let mistake = Diagnostic::error(code::CIRCLE, message);
        reader.note_at(first.place.then.as_ref(), mistake.help(help));
    }
}

/// What happens at the end is said by the team that is asked last.
fn end(reader: &mut Reader<'_>, teams: &[WrittenTeam], written: &WrittenTeam) {
    let Some(place) = &written.place.on_deadline else {
        return;
    };
    let way = std::iter::successors(next(teams, written), |team| next(teams, team));
    let Some(last) = way.take(teams.len()).last() else {
        return;
    };
    if written.team.on_deadline == OnDeadline::Reject && last.team.on_deadline == OnDeadline::Expire
    {
        let asked_last = &last.team.name;
        let message =
            format!("this never counts: `{asked_last}` is asked last, and does not reject");
        let help = format!("write `on_deadline: reject` at `{asked_last}`");
        let warning = Diagnostic::warning(code::NEVER_COUNTS, message);
        reader.note(place, warning.help(help));
    }
}

/// A team is told by what is set up.
fn told(reader: &mut Reader<'_>, places: &Places, written: &WrittenTeam) {
    let channels = &written.place.channels;
    for (place, set_up, message, help) in [
        (
            &channels.slack,
            &places.slack,
            "this team is told in Slack, and there is no `slack` at the top of the file",
            "add `slack: {token_file: PATH, signing_secrets: [{file: PATH}]}` there",
        ),
        (
            &channels.email,
            &places.email,
            "this team is told by mail, and there is no `email` at the top of the file",
            "add `email: {host: smtp.example.com, from: approvals@example.com}` there",
        ),
    ] {
        if let Some(place) = place
            && set_up.is_none()
        {
            let mistake = Diagnostic::error(code::NO_CHANNEL, message);
            reader.note(place, mistake.help(help));
        }
    }
}

/// A team that nobody is in leaves its questions to admins, and one that is too small for its votes too.
fn nobody(reader: &mut Reader<'_>, config: &Config, places: &Places, written: &WrittenTeam) {
    let team = &written.team;
    let all_are_known = team.groups.is_empty()
        && written.place.members_unread == 0
        && !has_users(config)
        && config.operators.tokens.len() == places.operators.tokens_written;
    if !all_are_known {
        return;
    }
    let tokens = &config.operators.tokens;
    let of_team = |token: &&OperatorToken| belongs(token, team);
    let known = tokens.iter().filter(of_team);
    let voting = known.filter(|token| token.role != Role::Viewer).count();
    let unlisted = team
        .members
        .iter()
        .filter(|member| !tokens.iter().any(|token| is_called(token, member)));
    let tools = decisions(written).count();
    let people = voting + unlisted.count() + tools;
    let name = &team.name;
    let votes = team.votes.unwrap_or(config.people.defaults().votes) as usize;
    let outsiders = tokens.iter().filter(|token| !belongs(token, team));
    let admins = outsiders.filter(|token| token.role == Role::Admin).count();
    let elsewhere = places.operators.proxy.is_some() || places.operators.oidc.is_some();
    let (message, help) = if people == 0 {
        (
            format!("nobody is in the team `{name}`: only admins can answer what it is asked"),
            "list its `members`, or the `groups` of a directory",
        )
    } else if people + admins < votes && !elsewhere {
        (
            format!(
                "the team `{name}` needs {votes} votes, and no more than {} can be cast",
                people + admins
            ),
            "list more `members`, or ask for fewer `votes`",
        )
    } else {
        return;
    };
    let warning = Diagnostic::warning(code::NOBODY, message);
    reader.note(&written.place.name, warning.help(help));
}

fn belongs(token: &OperatorToken, team: &Team) -> bool {
    token.teams.contains(&team.name) || team.members.iter().any(|member| is_called(token, member))
}

fn is_called(token: &OperatorToken, text: &str) -> bool {
    same(&token.name, text) || (token.email.as_deref()).is_some_and(|email| same(email, text))
}

fn decisions(written: &WrittenTeam) -> impl Iterator<Item = &Decisions> {
    let channels = written.channels.iter();
    channels.filter_map(|channel| match &channel.kind {
        ChannelKind::Webhook(webhook) => webhook.decisions.as_ref(),
        ChannelKind::Slack { .. } | ChannelKind::Email { .. } => None,
    })
}

/// A tool is one voter, and nobody else: else it and a person could be two votes of one name, or one of two.
fn tools(reader: &mut Reader<'_>, config: &Config, teams: &[WrittenTeam]) {
    let mut seen: Vec<&str> = Vec::new();
    for written in teams {
        let Some(place) = &written.place.channels.decider else {
            continue;
        };
        for tool in decisions(written) {
            let by = &tool.by;
            let person = (config.operators.tokens.iter()).any(|token| is_called(token, by))
                || teams.iter().any(|other| lists(other, by));
            let message = if person {
                format!("`{by}` is a person, and a tool is a voter of its own")
            } else if seen.iter().any(|earlier| same(earlier, by)) {
                format!("two tools vote as `{by}`")
            } else {
                seen.push(by);
                continue;
            };
            let mistake = Diagnostic::error(code::DUPLICATE, message);
            reader.note(place, mistake.help("give the tool a name that nobody has"));
        }
    }
}

/// Whether a team names somebody so, as a member or as a reader of its mail.
fn lists(written: &WrittenTeam, name: &str) -> bool {
    let member = written.team.members.iter().any(|member| same(member, name));
    let reads_mail = written.channels.iter().any(|channel| match &channel.kind {
        ChannelKind::Email { to } => to.iter().any(|address| same(address, name)),
        ChannelKind::Slack { .. } | ChannelKind::Webhook(_) => false,
    });
    member || reads_mail
}
