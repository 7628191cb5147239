//! What must hold between the parts of a config, and what somebody should look at before it bites.

mod names;
mod operators;
mod people;
mod secrets;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::reader::Reader;
use super::sections::Places;
use super::source::{self, SourceConfig, SourceKind};
use super::{Config, Mode, code, sources};
use crate::diagnostic::Diagnostic;

const EXPIRY_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) fn check(reader: &mut Reader<'_>, config: &Config, places: &Places, now: Timestamp) {
    addresses(reader, config, places);
    exposure(reader, config, places);
    for (source, place) in config.sources.iter().zip(&places.sources) {
        sender(reader, config, source, place);
        if let SourceKind::TraceMem(tracemem) = &source.kind {
            credential(reader, source, tracemem, place);
        }
        expiry(reader, source, place, now);
    }
    duplicates(reader, config, places);
    secrets::check(reader, config, places);
    operators::check(reader, config, places);
    people::check(reader, config, places);
    names::check(reader, config, places);
    if places.sources_written == 0 {
        let warning = Diagnostic::warning(code::NO_SOURCES, "there is no source: nothing can ask")
            .help("add one under `sources`; `countersign config default` shows how");
        reader.note_at(None, warning);
    }
}

/// Two listeners need two addresses.
fn addresses(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let (ours, theirs) = (config.listen, config.operators.listen);
    let same_host =
        ours.ip() == theirs.ip() || ours.ip().is_unspecified() || theirs.ip().is_unspecified();
    if ours.port() == theirs.port() && ours.port() != 0 && same_host {
        let mistake = Diagnostic::error(
            code::SAME_ADDRESS,
            format!(
                "`listen` and `operators.listen` are both on port {}",
                ours.port()
            ),
        )
        .help("agents must not reach the operators' API: give it a port of its own");
        let place = places.operators.listen.as_ref().or(places.listen.as_ref());
        reader.note_at(place, mistake);
    }
}

/// Beyond loopback, whoever asks has to prove who they are.
fn exposure(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    if !beyond_loopback(config.listen) {
        return;
    }
    for (source, place) in config.sources.iter().zip(&places.sources) {
        // In `enforce` the same is said more strongly.
        if source.verified() || place.incomplete || source.mode == Mode::Enforce {
            continue;
        }
        let message = format!(
            "source `{}` verifies nobody, and `listen` is {}, which is not loopback",
            source.name, config.listen
        );
        let mistake = Diagnostic::error(code::EXPOSED, message).help(format!(
            "whoever reaches it could send requests: {}, or listen on 127.0.0.1",
            how_to_verify(source)
        ));
        reader.note(&place.name, mistake);
    }
}

fn beyond_loopback(address: SocketAddr) -> bool {
    !address.ip().is_loopback()
}

fn how_to_verify(source: &SourceConfig) -> &'static str {
    match &source.kind {
        SourceKind::Http(_) => "add `tokens`",
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) if source.verify().is_empty() => {
            "add `verify`"
        }
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) => {
            "add a signature or a secret to `verify`, since a user agent alone proves nothing"
        }
    }
}

/// An answer is given only to who is known.
fn sender(
    reader: &mut Reader<'_>,
    config: &Config,
    source: &SourceConfig,
    place: &sources::Places,
) {
    if source.mode != Mode::Enforce || source.verified() || place.incomplete {
        return;
    }
    let message = match config.mode {
        Mode::Enforce if place.mode.is_none() => format!(
            "source `{}` is in `enforce`, as all are here, and verifies nobody",
            source.name
        ),
        Mode::Enforce | Mode::DryRun => format!(
            "source `{}` is in `enforce` and verifies nobody",
            source.name
        ),
    };
    let help = format!(
        "anybody could have a request approved: {}, or use `mode: dry_run`",
        how_to_verify(source)
    );
    reader.note(
        place.mode.as_ref().unwrap_or(&place.name),
        Diagnostic::error(code::UNVERIFIED, message).help(help),
    );
}

/// What is decided must be sayable.
fn credential(
    reader: &mut Reader<'_>,
    source: &SourceConfig,
    tracemem: &source::TraceMemConfig,
    place: &sources::Places,
) {
    if source.mode == Mode::Enforce && tracemem.credential.is_none() && !place.credential_written {
        let mistake = Diagnostic::error(code::NO_CREDENTIAL, format!("source `{}` is in `enforce` and has no credential to answer with", source.name))
            .help("add `credential_file: PATH` with the secret of a webhook credential, or use `mode: dry_run`");
        reader.note(place.mode.as_ref().unwrap_or(&place.name), mistake);
    }
}

fn expiry(reader: &mut Reader<'_>, source: &SourceConfig, place: &sources::Places, now: Timestamp) {
    let Some(expires) = source.credential_expires() else {
        return;
    };
    let left = expires.duration_since(now);
    let message = if left <= SignedDuration::ZERO {
        "the credential has expired: answers will be refused".to_owned()
    } else if left <= EXPIRY_NOTICE {
        format!("the credential expires in {} days", left.as_hours() / 24)
    } else {
        return;
    };
    let warning = Diagnostic::warning(code::EXPIRY, message)
        .help("create a new one, put it in place, and change `credential_expires`");
    reader.note_at(place.credential_expires.as_ref(), warning);
}

fn duplicates(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let sources = config.sources.iter().zip(&places.sources);
    let names = sources
        .clone()
        .map(|(source, place)| (source.name.as_str(), &place.name));
    twice(
        reader,
        names,
        "two sources are called",
        "give each a name of its own",
    );
    // Two sources of one name have one path too, which need not be said again.
    let own: Vec<_> = sources
        .clone()
        .filter(|(source, place)| place.path.is_some() || !places_taken_by_name(config, source))
        .map(|(source, place)| {
            (
                source.path.as_str(),
                place.path.as_ref().unwrap_or(&place.name),
            )
        })
        .collect();
    twice(
        reader,
        own.into_iter(),
        "two sources are delivered at",
        "give each a `path` of its own",
    );
}

fn places_taken_by_name(config: &Config, source: &SourceConfig) -> bool {
    config
        .sources
        .iter()
        .filter(|other| other.name == source.name)
        .count()
        > 1
}

fn twice<'a>(
    reader: &mut Reader<'_>,
    named: impl Iterator<Item = (&'a str, &'a Range<usize>)>,
    message: &str,
    help: &str,
) {
    let mut seen = BTreeSet::new();
    for (name, span) in named {
        if !seen.insert(name) {
            let mistake = Diagnostic::error(code::DUPLICATE, format!("{message} `{name}`"));
            reader.note(span, mistake.help(help));
        }
    }
}
