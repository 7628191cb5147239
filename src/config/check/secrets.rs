//! Secrets: who else has them, whether they can be guessed, and whether they are what they must be.

use std::ops::Range;

use base64::Engine as _;

use crate::config::notify;
use crate::config::reader::{Holds, Reader};
use crate::config::sections::Places;
use crate::config::source::{SourceKind, VerifyConfig};
use crate::config::{ChannelKind, Config, LogKey, code};
use crate::credential::Credential;
use crate::diagnostic::Diagnostic;
use crate::notify::WebhookSettings;
use crate::secret::Secret;
use crate::signature::PublicKey;

/// Shorter secrets can be guessed by whoever may try long enough.
const SHORT: usize = 16;

pub(super) fn check(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    given_once(reader, config, places);
    credentials(reader);
    webhook_secrets(reader, config);
    team_secrets(reader, places);
    let keys = [
        ("log", &config.log.key, &places.log_key),
        (
            "operators.session",
            &config.operators.session.key,
            &places.operators.session_key,
        ),
    ];
    for (name, key, place) in keys {
        is_a_key(reader, name, key, place.as_ref());
    }
}

/// A secret that somebody comes in with.
struct Proof<'c> {
    /// Who; one who has several may have one of them twice.
    whose: String,
    credential: &'c Credential,
    place: Range<usize>,
    told: &'static str,
    help: &'static str,
}

/// Whoever comes in with a secret is told from all others by it.
fn given_once(reader: &mut Reader<'_>, config: &Config, places: &Places) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for proof in tokens(config, places)
        .into_iter()
        .chain(proofs(config, places))
    {
        let identity = identity(proof.credential);
        let elsewhere =
            |(earlier, whose): &(String, String)| *earlier == identity && *whose != proof.whose;
        if seen.iter().any(elsewhere) {
            let mistake = Diagnostic::error(code::DUPLICATE, proof.told);
            reader.note(&proof.place, mistake.help(proof.help));
        }
        seen.push((identity, proof.whose));
    }
    for (credential, place) in signing(places) {
        let identity = identity(credential);
        if seen.iter().any(|(earlier, _)| *earlier == identity) {
            shared(reader, &place);
        }
    }
    for (credential, place) in keys(config, places) {
        let identity = identity(credential);
        if seen.iter().any(|(earlier, _)| *earlier == identity) {
            shared(reader, &place);
        }
        seen.push((identity, String::new()));
    }
}

fn shared(reader: &mut Reader<'_>, place: &Range<usize>) {
    let message = "this secret is used for something else too";
    let help = "whoever learns it in one place can use it in the other: make one for each";
    let warning = Diagnostic::warning(code::SHARED_SECRET, message);
    reader.note(place, warning.help(help));
}

/// The tokens of operators and agents.
fn tokens<'c>(config: &'c Config, places: &Places) -> Vec<Proof<'c>> {
    let operators = config.operators.tokens.iter().zip(&places.operators.tokens);
    let operators = operators.map(|(operator, place)| (&operator.token, &place.whole));
    let sources = config.sources.iter().zip(&places.sources);
    let agents = sources.flat_map(|(source, place)| match &source.kind {
        SourceKind::Http(http) => {
            let tokens = http.tokens.iter().map(|token| &token.token);
            tokens.zip(&place.tokens).collect::<Vec<_>>()
        }
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) => Vec::new(),
    });
    let proof = |(at, (credential, place)): (usize, (&'c Credential, &Range<usize>))| Proof {
        whose: format!("token {at}"),
        credential,
        place: place.clone(),
        told: "this token is given to somebody else too",
        help: "a token says who asks: give each agent and each operator one of their own",
    };
    operators.chain(agents).enumerate().map(proof).collect()
}

/// What a proxy, Slack and the teams' tools prove themselves with.
fn proofs<'c>(config: &'c Config, places: &'c Places) -> Vec<Proof<'c>> {
    let mut found = Vec::new();
    let mut add = |whose: &str, secrets: &'c [Credential], place: Option<&Range<usize>>| {
        let Some(place) = place else { return };
        found.extend(secrets.iter().map(|credential| Proof {
            whose: whose.to_owned(),
            credential,
            place: place.clone(),
            told: "one of these secrets is given to somebody else too",
            help: "a secret says who speaks: make one for each that nobody else has",
        }));
    };
    if let Some(proxy) = &config.operators.proxy {
        add("the proxy", &proxy.secrets, places.operators.proxy.as_ref());
    }
    if let Some(slack) = &config.notify.slack {
        add("slack", &slack.signing_secrets, places.slack.as_ref());
    }
    for (webhook, place) in webhooks(places) {
        if let Some(decisions) = &webhook.decisions {
            add(
                &decisions.by,
                &decisions.secrets,
                place.decision_secrets.as_ref(),
            );
        }
    }
    found
}

/// What we sign with. Two teams may have one tool, which knows us by one secret.
fn signing(places: &Places) -> Vec<(&Credential, Range<usize>)> {
    let mut found = Vec::new();
    for (webhook, place) in webhooks(places) {
        if let Some(place) = &place.secrets {
            let secrets = webhook.secrets.iter();
            found.extend(secrets.map(|secret| (secret, place.clone())));
        }
    }
    found
}

/// What we seal with.
fn keys<'c>(config: &'c Config, places: &Places) -> Vec<(&'c Credential, Range<usize>)> {
    let keys = [
        (&config.operators.session.key, &places.operators.session_key),
        (&config.log.key, &places.log_key),
    ];
    let given = keys
        .into_iter()
        .filter_map(|(key, place)| match (key, place) {
            (LogKey::Given(key), Some(place)) => Some((key, place.clone())),
            (LogKey::Given(_) | LogKey::Beside(_), _) => None,
        });
    given.collect()
}

/// The tools of teams, and where they were written.
fn webhooks(places: &Places) -> impl Iterator<Item = (&WebhookSettings, &notify::Places)> {
    let teams = places.people.teams.iter();
    teams.flat_map(|written| {
        let webhooks = written
            .channels
            .iter()
            .filter_map(|channel| match &channel.kind {
                ChannelKind::Webhook(webhook) => Some(webhook),
                ChannelKind::Slack { .. } | ChannelKind::Email { .. } => None,
            });
        webhooks.map(|webhook| (webhook, &written.place.channels))
    })
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
            if secrets.iter().any(is_no_signing_key) {
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

/// The same of the secrets that a team's tool and we sign with.
fn team_secrets(reader: &mut Reader<'_>, places: &Places) {
    for (webhook, place) in webhooks(places) {
        let decisions = webhook.decisions.as_ref();
        let decisions = decisions.map_or(&[][..], |decisions| &decisions.secrets);
        for (secrets, place) in [
            (webhook.secrets.as_slice(), &place.secrets),
            (decisions, &place.decision_secrets),
        ] {
            if secrets.iter().any(is_no_signing_key) {
                let message = "one of these secrets is not `whsec_` and base64";
                let help = "make one with `echo whsec_$(openssl rand -base64 32)`";
                let mistake = Diagnostic::error(code::BAD_VALUE, message);
                reader.note_at(place.as_ref(), mistake.help(help));
            }
        }
    }
}

/// Whether nothing could be signed with what can be read of `secret`.
fn is_no_signing_key(secret: &Credential) -> bool {
    let Ok(secret) = secret.read() else {
        return false;
    };
    let text = secret.expose();
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_or(true, |key| key.is_empty())
}

/// A key that is none would stop the start.
fn is_a_key(reader: &mut Reader<'_>, name: &str, key: &LogKey, place: Option<&Range<usize>>) {
    let LogKey::Given(key) = key else {
        return;
    };
    let mut bytes = [0; 32];
    let good = key.read().map_or(true, |text| {
        hex::decode_to_slice(text.expose().trim(), &mut bytes).is_ok()
    });
    if !good {
        let message = format!("the key of `{name}` is not 64 hexadecimal digits");
        let mistake = Diagnostic::error(code::BAD_VALUE, message);
        reader.note_at(place, mistake.help("make one with `openssl rand -hex 32`"));
    }
}

/// What two secrets are compared by: the secret, with or without `whsec_`, or the file while it cannot be read.
fn identity(token: &Credential) -> String {
    match (token.read(), token.file()) {
        (Ok(secret), _) => {
            let text = secret.expose();
            text.strip_prefix("whsec_").unwrap_or(text).to_owned()
        }
        (Err(_), Some(path)) => format!("\0{}", path.display()),
        (Err(_), None) => String::new(),
    }
}
