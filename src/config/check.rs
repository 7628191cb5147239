//! What must hold between the parts of a config, and what somebody should look at before it bites.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};

use super::reader::{Holds, Reader};
use super::sections::Places;
use super::source::{self, SourceConfig, SourceKind, VerifyConfig};
use super::{Config, LogKey, Mode, code, sources};
use crate::credential::Credential;
use crate::diagnostic::Diagnostic;
use crate::secret::Secret;
use crate::signature::PublicKey;

/// Shorter secrets can be guessed by whoever may try long enough.
const SHORT: usize = 16;
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
    credentials(reader);
    webhook_secrets(reader, config);
    log_key(reader, config);
    if places.operators_written == 0 {
        let warning = Diagnostic::warning(
            code::NO_OPERATORS,
            "there is no operator: nobody can look, vote or freeze over the API",
        )
        .help("add one under `operators.tokens`");
        reader.note_at(None, warning);
    }
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
        let place = places.operators_listen.as_ref().or(places.listen.as_ref());
        reader.note_at(place, mistake);
    }
}

/// Beyond loopback, everybody has to prove who they are.
fn exposure(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    if beyond_loopback(config.operators.listen) && places.operators_written == 0 {
        let message = format!(
            "`operators.listen` is {}, which is not loopback, and there is no operator's token",
            config.operators.listen
        );
        let mistake = Diagnostic::error(code::EXPOSED, message)
            .help("whoever reaches it could approve anything: add `operators.tokens`, or listen on 127.0.0.1");
        reader.note_at(places.operators_listen.as_ref(), mistake);
    }
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
    let operators = config.operators.tokens.iter().zip(&places.operators);
    let names = operators
        .clone()
        .map(|(operator, span)| (operator.name.as_str(), span));
    twice(
        reader,
        names,
        "two operators are called",
        "a name is one person with one role; give each a name of their own",
    );
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

    let agents = sources.flat_map(|(source, place)| match &source.kind {
        SourceKind::Http(http) => http
            .tokens
            .iter()
            .map(|token| &token.token)
            .zip(&place.tokens)
            .collect::<Vec<_>>(),
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) => Vec::new(),
    });
    let tokens: Vec<_> = operators
        .map(|(operator, span)| (&operator.token, span))
        .chain(agents)
        .collect();
    let read: Vec<_> = tokens
        .iter()
        .map(|(token, span)| (identity(token), *span))
        .collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (secret, span) in &read {
        if !seen.insert(secret) {
            let mistake =
                Diagnostic::error(code::DUPLICATE, "this token is given to somebody else too")
                    .help(
                        "a token says who asks: give each agent and each operator one of their own",
                    );
            reader.note(span, mistake);
        }
    }
}

fn places_taken_by_name(config: &Config, source: &SourceConfig) -> bool {
    config
        .sources
        .iter()
        .filter(|other| other.name == source.name)
        .count()
        > 1
}

/// What two tokens are compared by: the secret, or the file while it cannot be read.
fn identity(token: &Credential) -> String {
    match (token.read(), token.file()) {
        (Ok(secret), _) => secret.expose().to_owned(),
        (Err(_), Some(path)) => format!("\0{}", path.display()),
        (Err(_), None) => String::new(),
    }
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

/// Secrets that can be guessed, public keys that are none, and files that are not there yet.
fn credentials(reader: &mut Reader<'_>) {
    for noted in std::mem::take(&mut reader.credentials) {
        let found = match noted.credential.read() {
            Ok(text) => match noted.holds {
                Holds::Secret => guessable(&text),
                Holds::PublicKey => no_public_key(&text),
            },
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
                let message = format!("{error}{}", source.unwrap_or_default());
                let warning = Diagnostic::warning(code::SECRET_UNREADABLE, message).help(
                    "it is read again at each use; until it can be, whatever needs it is refused",
                );
                Some(warning)
            }
        };
        if let Some(found) = found {
            reader.note(&noted.span, found);
        }
    }
}

fn guessable(secret: &Secret) -> Option<Diagnostic> {
    if secret.expose().len() >= SHORT {
        return None;
    }
    let message = format!("this secret is shorter than {SHORT} bytes and can be guessed");
    let warning = Diagnostic::warning(code::SHORT_SECRET, message);
    Some(warning.help("make one with `openssl rand -hex 32`"))
}

/// A public key that is none would refuse every delivery.
fn no_public_key(pem: &Secret) -> Option<Diagnostic> {
    let error = PublicKey::parse(pem.expose()).err()?;
    let mistake = Diagnostic::error(code::BAD_VALUE, error.to_string());
    Some(mistake.help(
        "copy the platform's public key whole, from `-----BEGIN` to `-----END PUBLIC KEY-----`",
    ))
}

/// A Standard Webhooks secret that is none would refuse every delivery.
fn webhook_secrets(reader: &mut Reader<'_>, config: &Config) {
    for source in &config.sources {
        for way in source.verify() {
            let VerifyConfig::StandardWebhooks { secrets, .. } = way else {
                continue;
            };
            let wrong = secrets
                .iter()
                .filter_map(|secret| secret.read().ok())
                .any(|secret| {
                    let text = secret.expose();
                    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
                    base64::engine::general_purpose::STANDARD
                        .decode(encoded)
                        .map_or(true, |key| key.is_empty())
                });
            if wrong {
                let message = format!(
                    "a secret of `standard_webhooks` in source `{}` is not `whsec_` and base64",
                    source.name
                );
                let mistake = Diagnostic::error(code::BAD_VALUE, message)
                    .help("copy the whole secret, with its `whsec_`");
                reader.note_at(None, mistake);
            }
        }
    }
}

/// A key that is none would stop the start.
fn log_key(reader: &mut Reader<'_>, config: &Config) {
    let LogKey::Given(key) = &config.log.key else {
        return;
    };
    let mut bytes = [0; 32];
    let good = key.read().map_or(true, |text| {
        hex::decode_to_slice(text.expose().trim(), &mut bytes).is_ok()
    });
    if !good {
        let mistake = Diagnostic::error(
            code::BAD_VALUE,
            "the key of `log` is not 64 hexadecimal digits",
        )
        .help("make one with `openssl rand -hex 32`");
        reader.note_at(None, mistake);
    }
}
