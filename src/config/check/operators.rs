//! Who comes in at the people's side, and whether they can.

use crate::config::reader::Reader;
use crate::config::sections::Places;
use crate::config::{Config, code};
use crate::diagnostic::Diagnostic;
use crate::domain::person::same;

pub(super) fn check(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let way_in = ways_in(config, places);
    if super::beyond_loopback(config.operators.listen) && way_in == WayIn::None {
        let message = format!(
            "`operators.listen` is {}, which is not loopback, and nobody there could prove who they are",
            config.operators.listen
        );
        let help = "add `operators.tokens`, `operators.proxy` or `operators.oidc`, or a local user with `countersign user add`; or listen on 127.0.0.1";
        let mistake = Diagnostic::error(code::EXPOSED, message);
        reader.note_at(places.operators.listen.as_ref(), mistake.help(help));
    }
    if way_in == WayIn::None {
        let message = "there is no operator: nobody can look, vote or freeze";
        let help = "add one under `operators.tokens`, or a local user with `countersign user add`";
        let warning = Diagnostic::warning(code::NO_OPERATORS, message);
        reader.note_at(None, warning.help(help));
    }
    one_each(reader, config, places);
    let theirs = [
        (
            "proxy",
            config.operators.proxy.is_some(),
            &places.operators.proxy,
        ),
        (
            "oidc",
            config.operators.oidc.is_some(),
            &places.operators.oidc,
        ),
    ];
    for (name, _, place) in theirs.iter().filter(|(_, there, _)| *there) {
        if nobody_is_let_in(config, places) {
            let message =
                format!("nobody who comes by `{name}` is let in: no team and no role is theirs");
            let help =
                "list people or their groups under `teams`, or groups under `operators.roles`";
            let warning = Diagnostic::warning(code::NOBODY, message);
            reader.note_at(place.as_ref(), warning.help(help));
        }
    }
    links(reader, config, places);
}

/// How many ways of proving who one is there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayIn {
    Some,
    None,
}

/// Whatever is written counts, readable or not, so that one mistake is not two.
fn ways_in(config: &Config, places: &Places) -> WayIn {
    let operators = &places.operators;
    let there = operators.tokens_written > 0
        || operators.proxy.is_some()
        || operators.oidc.is_some()
        || has_users(config);
    if there { WayIn::Some } else { WayIn::None }
}

/// Whether there are local users. Who they are may change while we run.
pub(super) fn has_users(config: &Config) -> bool {
    std::fs::metadata(&config.operators.users).is_ok_and(|file| file.is_file() && file.len() > 0)
}

/// A name and an address are one person's: votes are told apart by them.
fn one_each(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let operators = config.operators.tokens.iter();
    for (at, (operator, place)) in operators.zip(&places.operators.tokens).enumerate() {
        let earlier: Vec<_> = config.operators.tokens.iter().take(at).collect();
        let message = if earlier
            .iter()
            .any(|other| same(&other.name, &operator.name))
        {
            format!("two operators are called `{}`", operator.name)
        } else {
            let taken = [Some(operator.name.as_str()), operator.email.as_deref()]
                .into_iter()
                .flatten()
                .find(|called| {
                    earlier.iter().any(|other| {
                        same(&other.name, called)
                            || (other.email.as_deref()).is_some_and(|email| same(email, called))
                    })
                });
            match taken {
                None => continue,
                Some(called) => format!("two operators are known as `{called}`"),
            }
        };
        let help =
            "a name is one person with one role; give each a name and an address of their own";
        let mistake = Diagnostic::error(code::DUPLICATE, message);
        reader.note(&place.whole, mistake.help(help));
    }
}

fn nobody_is_let_in(config: &Config, places: &Places) -> bool {
    let grants = &config.operators.grants;
    let granted = [&grants.admin, &grants.approver, &grants.viewer];
    let listed = places
        .people
        .teams
        .iter()
        .any(|written| !(written.team.members.is_empty() && written.team.groups.is_empty()));
    granted.iter().all(|groups| groups.is_empty()) && !listed && !places.people.incomplete
}

/// What teams are told leads to the inbox; so does a directory once somebody logged in.
fn links(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let address = config.operators.listen.ip();
    let only_here = address.is_loopback() || address.is_unspecified();
    if places.operators.url.is_some() || !only_here {
        return;
    }
    let channel = places.people.teams.iter().find_map(|written| {
        let channels = &written.place.channels;
        let mut places = [&channels.slack, &channels.email, &channels.webhook].into_iter();
        places.find_map(Option::as_ref)
    });
    if let Some(place) = places.operators.oidc.as_ref().or(channel) {
        let message = format!(
            "links would lead to {}, where only this machine can go",
            config.operators.listen
        );
        let help = "say where people reach us: `operators: {url: https://countersign.example.com}`";
        let warning = Diagnostic::warning(code::NO_URL, message);
        reader.note(place, warning.help(help));
    }
}
