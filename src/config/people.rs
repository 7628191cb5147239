//! Reads who is asked: teams, when they work, and whose agents are whose.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use super::reader::{Map, Reader};
use super::sections::{YEAR, duration, entries, name};
use super::yaml::{Kind, Node};
use super::{ChannelConfig, code, notify, units};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::hours::WorkingHours;
use crate::domain::person::same;
use crate::domain::team::{OnDeadline, Team};

const ENDS: [(&str, OnDeadline); 2] = [
    ("expire", OnDeadline::Expire),
    ("reject", OnDeadline::Reject),
];
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
const EXAMPLE: &str = "write `teams:` and below it `- name: payments`";

/// The teams as they were written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) teams: Vec<WrittenTeam>,
    /// Some team's name could not be read: it is not known which teams there are.
    pub(super) incomplete: bool,
    /// Who owns agents, and where that is written.
    pub(super) owners: Vec<(String, Range<usize>)>,
}

/// A team, and where it was written.
pub(super) struct WrittenTeam {
    pub(super) team: Team,
    pub(super) channels: Vec<ChannelConfig>,
    pub(super) place: Place,
}

/// Where the parts of a team were written.
pub(super) struct Place {
    pub(super) name: Range<usize>,
    /// One for each member, in the order of the file.
    pub(super) members: Vec<(String, Range<usize>)>,
    /// How many members were written that cannot be read.
    pub(super) members_unread: usize,
    pub(super) then: Option<Range<usize>>,
    pub(super) on_deadline: Option<Range<usize>>,
    pub(super) channels: notify::Places,
}

/// Everything under `teams`.
pub(super) fn teams(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Written {
    let Some(node) = map.take("teams") else {
        return Written::default();
    };
    let Some(items) = reader.list(node, EXAMPLE) else {
        return Written {
            incomplete: true,
            ..Written::default()
        };
    };
    let teams: Vec<_> = items.iter().filter_map(|node| team(reader, node)).collect();
    Written {
        incomplete: teams.len() < items.len(),
        teams,
        owners: Vec::new(),
    }
}

fn team(reader: &mut Reader<'_>, node: &Node) -> Option<WrittenTeam> {
    let mut map = reader.map(node, EXAMPLE)?;
    let name_node = reader.required(&mut map, "name", "name it as policies shall: `payments`");
    let team_name_read = name_node.and_then(|node| team_name(reader, node));
    let example = "write `members: [alice, bob@example.com]`";
    let mut members_unread = 0;
    let members = entries(reader, &mut map, "members", example, |reader, node| {
        let member = name(reader, node);
        members_unread += usize::from(member.is_none());
        Some((member?, node.span.clone()))
    });
    let groups = groups(reader, &mut map, "groups");
    let votes = map
        .take("votes")
        .and_then(|node| reader.number(node, 1..=100));
    let within = duration(reader, &mut map, "within", Duration::from_secs(1), YEAR)
        .and_then(|within| SignedDuration::try_from(within).ok());
    let hours = map.take("hours").and_then(|node| hours(reader, node));
    let then_node = map.take("then");
    let then = then_node.and_then(|node| team_name(reader, node));
    let end_node = map.take("on_deadline");
    let on_deadline = end_node.and_then(|node| reader.word(node, &ENDS));
    let known_as = team_name_read.as_deref().unwrap_or_default();
    let (channels, channel_places) = notify::channels(reader, &mut map, known_as);
    reader.close(&map);
    let place = Place {
        name: name_node.unwrap_or(node).span.clone(),
        members: members.clone(),
        members_unread,
        then: then_node.map(|node| node.span.clone()),
        on_deadline: end_node.map(|node| node.span.clone()),
        channels: channel_places,
    };
    let team = Team {
        name: team_name_read?,
        members: members.into_iter().map(|(member, _)| member).collect(),
        groups: groups.into_iter().collect(),
        votes,
        within,
        hours,
        then,
        on_deadline: on_deadline.unwrap_or_default(),
        channels: channels
            .iter()
            .map(|channel| channel.name.clone())
            .collect(),
    };
    Some(WrittenTeam {
        team,
        channels,
        place,
    })
}

/// What policies call a team, and what its channels and its paths begin with.
pub(super) fn team_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "use 1 to 63 letters, digits, `-`, `.` or `_`, the first a letter or digit";
    reader.parsed(node, "the name of a team", help, units::team)
}

/// An e-mail address with nothing around it.
pub(super) fn email_address(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "write it alone, such as `alice@example.com`";
    reader.parsed(node, "an e-mail address", help, units::email)
}

/// Groups of a directory, as it names them.
pub(super) fn groups(reader: &mut Reader<'_>, map: &mut Map<'_>, key: &'static str) -> Vec<String> {
    let example = format!("write `{key}: [countersign-{key}]`");
    entries(reader, map, key, &example, |reader, node| {
        line(reader, node, "the name of a group")
    })
}

/// One line of visible text that nothing around it belongs to.
pub(super) fn line(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let help = "write 1 to 256 characters on one line, with no space at either end";
    reader.parsed(node, what, help, |text| {
        let fits = (1..=256).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    })
}

fn hours(reader: &mut Reader<'_>, node: &Node) -> Option<WorkingHours> {
    let example = "write `hours: {time_zone: Europe/Berlin, days: [mon, tue], from: \"09:00\", to: \"17:00\"}`";
    let mut map = reader.map(node, example)?;
    let zone = reader
        .required(
            &mut map,
            "time_zone",
            "name the zone whose clocks count: `time_zone: Europe/Berlin`",
        )
        .and_then(|node| time_zone(reader, node));
    let days_help = "say when the team works: `days: [mon, tue, wed, thu, fri]`";
    let days_node = reader.required(&mut map, "days", days_help);
    let days = entries(reader, &mut map, "days", days_help, |reader, node| {
        reader.word(node, &DAYS)
    });
    if let Some(node) = days_node
        && matches!(&node.kind, Kind::Sequence(items) if items.is_empty())
    {
        reader.bad(
            &node.span,
            "a team that never works never answers",
            days_help,
        );
    }
    let mut clock = |key, help| {
        let node = reader.required(&mut map, key, help)?;
        time(reader, node)
    };
    let from = clock("from", "say when its day begins: `from: \"09:00\"`");
    let to = clock("to", "say when its day ends: `to: \"17:00\"`");
    reader.close(&map);
    WorkingHours::new(zone?, days, from?, to?)
}

fn time(reader: &mut Reader<'_>, node: &Node) -> Option<Time> {
    let help = "write hours and minutes from `00:00` to `23:59`; an end that is not after the beginning is on the next day";
    reader.parsed(node, "a time of day", help, units::time)
}

/// A time zone by its own name: one that is merely alike may be another on the next machine.
fn time_zone(reader: &mut Reader<'_>, node: &Node) -> Option<TimeZone> {
    let text = reader.text(node)?;
    let found = TimeZone::get(&text).ok().filter(|zone| !zone.is_unknown());
    if let Some(zone) = &found
        && zone.iana_name() == Some(text.as_str())
    {
        return found;
    }
    let known: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    let alike = found.as_ref().and_then(TimeZone::iana_name);
    let city = || {
        let tail = known.iter().find(|name| {
            let city = name.rsplit('/').next().unwrap_or_default();
            city.eq_ignore_ascii_case(&text.replace(' ', "_"))
        });
        tail.map(String::as_str)
    };
    let near = alike
        .or_else(city)
        .or_else(|| did_you_mean(&text, known.iter().map(String::as_str)));
    let help = near.map_or_else(
        || "write its name in the IANA database, such as `Europe/Berlin` or `UTC`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let message = format!("`{}` is not a time zone", reader.quote(node));
    reader.bad(&node.span, message, &help);
    None
}

/// Everything under `agents`: whose agents are whose.
pub(super) fn owners(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Vec<(String, Range<usize>)>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut owners = BTreeMap::new();
    let mut person = |reader: &mut Reader<'_>, node: &Node| {
        let person = name(reader, node)?;
        places.push((person.clone(), node.span.clone()));
        Some(person)
    };
    let example = "write `agents: {owner: {billing-bot: alice}}`";
    let Some(mut map) = map
        .take("agents")
        .and_then(|node| reader.map(node, example))
    else {
        return owners;
    };
    let written = map.take("owner");
    reader.close(&map);
    let Some(node) = written else { return owners };
    let Kind::Mapping(agents) = &node.kind else {
        let message = format!("a mapping is needed here, not {}", node.noun());
        reader.bad(&node.span, message, example);
        return owners;
    };
    for entry in agents {
        if owners.keys().any(|agent| same(agent, &entry.key)) {
            let message = format!("the agent `{}` is written twice", shown(&entry.key));
            let mistake = Diagnostic::error(code::DUPLICATE, message);
            let help = "case does not count: give it a list of owners";
            reader.note(&entry.key_span, mistake.help(help));
            continue;
        }
        let people: BTreeSet<_> = match &entry.value.kind {
            Kind::Sequence(items) => items
                .iter()
                .filter_map(|node| person(reader, node))
                .collect(),
            Kind::Null => BTreeSet::new(),
            Kind::Scalar { .. } | Kind::Mapping(_) => {
                person(reader, &entry.value).into_iter().collect()
            }
        };
        let nobody = match &entry.value.kind {
            Kind::Null => true,
            Kind::Sequence(items) => items.is_empty(),
            Kind::Scalar { .. } | Kind::Mapping(_) => false,
        };
        if nobody {
            let message = format!("`{}` has no owner here", shown(&entry.key));
            let help = "write a person's name or e-mail address, or a list of them";
            reader.bad(&entry.key_span, message, help);
        }
        owners.insert(entry.key.trim().to_owned(), people);
    }
    owners
}

fn shown(key: &str) -> String {
    key.chars().take(80).collect()
}
