//! From what the config says of the sources to the sources.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::config::{
    Config, Forward, Mode as ConfigMode, SourceConfig, SourceKind, TraceMemConfig, VerifyConfig,
};
use crate::domain::case::{CaseTerms, Channel, Mode};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::SourceName;
use crate::flow::{Desk, Forwards};
use crate::signature::NamedToken;
use crate::source::Client;
use crate::source::forward::Forwarder;
use crate::source::http::HttpSource;
use crate::source::tracemem::{Tracemem, TracememSettings};

use super::StartError;

/// How long anything but an approval is tried.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The longest rationale that is sent to a platform, in characters. TraceMem documents no limit.
const RATIONALE_LIMIT: usize = 1_000;

/// Builds every source of `config`.
pub(super) fn assemble(config: &Config, client: &Client) -> Result<Vec<Desk>, StartError> {
    config
        .sources
        .iter()
        .map(|source| one(config, source, client))
        .collect()
}

/// What holds for cases whose source has left the config: nothing is sent for them.
pub(super) fn orphaned(config: &Config) -> CaseTerms {
    terms(
        config,
        ConfigMode::DryRun,
        Channel::Answer,
        SignedDuration::from_mins(15),
    )
}

/// What does the work of a source that left the config while something was on its way: everything is given up, so that
/// nothing waits for ever.
pub(super) fn left_behind(config: &Config, name: SourceName) -> Desk {
    Desk {
        source: Arc::new(HttpSource::new(name, Vec::new(), None)),
        terms: Arc::new(orphaned(config)),
        forwards: Forwards::Nothing,
    }
}

fn one(config: &Config, source: &SourceConfig, client: &Client) -> Result<Desk, StartError> {
    let forwards = match (&source.forward_to, &source.kind) {
        (None, _) => Forwards::Nothing,
        (Some(_), SourceKind::Webhook(webhook)) => match webhook.forward {
            Forward::Events => Forwards::Events,
            Forward::All => Forwards::Everything,
        },
        (Some(_), SourceKind::TraceMem(_) | SourceKind::Http(_)) => Forwards::Events,
    };
    match &source.kind {
        SourceKind::TraceMem(tracemem) => {
            let terms = terms(
                config,
                source.mode,
                Channel::Answer,
                signed(tracemem.answer_within),
            );
            let settings = tracemem_settings(source, tracemem)?;
            let built = Tracemem::new(settings, client.clone()).map_err(StartError::Url)?;
            Ok(Desk {
                source: Arc::new(built),
                terms: Arc::new(terms),
                forwards,
            })
        }
        SourceKind::Webhook(_) => todo!(),
        SourceKind::Http(http) => {
            let terms = terms(
                config,
                source.mode,
                Channel::Wait,
                SignedDuration::from_mins(15),
            );
            let token = |token: &crate::config::AgentToken| NamedToken {
                name: token.agent.clone(),
                token: token.token.clone(),
            };
            let tokens = http.tokens.iter().map(token).collect();
            let forwarder = source
                .forward_to
                .clone()
                .map(|to| Forwarder::new(to, client.clone()));
            let built = HttpSource::new(source.name.clone(), tokens, forwarder);
            Ok(Desk {
                source: Arc::new(built),
                terms: Arc::new(terms),
                forwards,
            })
        }
    }
}

fn terms(
    config: &Config,
    mode: ConfigMode,
    channel: Channel,
    answer_within: SignedDuration,
) -> CaseTerms {
    CaseTerms {
        mode: match mode {
            ConfigMode::DryRun => Mode::DryRun,
            ConfigMode::Enforce => Mode::Enforce,
        },
        channel,
        answer_within,
        give_up_after: GIVE_UP_AFTER,
        escalation: EscalationDefaults {
            to: config.escalation.to.clone(),
            votes: config.escalation.votes,
            within: signed(config.escalation.within),
        },
        rationale_limit: RATIONALE_LIMIT,
    }
}

fn tracemem_settings(
    source: &SourceConfig,
    tracemem: &TraceMemConfig,
) -> Result<TracememSettings, StartError> {
    Ok(TracememSettings {
        name: source.name.clone(),
        api_url: tracemem.api_url.clone(),
        credential: tracemem.credential.clone(),
        verify: VerifyConfig::verifier(&tracemem.verify).map_err(StartError::Scheme)?,
        fields: tracemem.fields.clone(),
        volatile: tracemem.volatile.clone(),
        forward_to: source.forward_to.clone(),
    })
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
