//! From what the config says of the sources to the sources.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::config::{
    AgentToken, Config, Forward, HttpConfig, Mode as ConfigMode, SourceConfig, SourceKind,
    TraceMemConfig, VerifyConfig,
};
use crate::credential::Credential;
use crate::domain::case::{CaseTerms, Channel, Mode};
use crate::domain::id::SourceName;
use crate::flow::{Desk, Forwards};
use crate::signature::{Check, NamedToken, Verifier};
use crate::source::forward::Forwarder;
use crate::source::http::HttpSource;
use crate::source::tracemem::{Tracemem, TracememSettings};
use crate::source::webhook::{Settings, Webhook};
use crate::source::{Client, FieldMap, Source, Timeouts};

use super::StartError;

/// How long anything but an approval is tried.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How long an approval may wait to be sent whose source says nothing else.
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// The longest rationale that is sent to a platform, in characters. TraceMem documents no limit.
const RATIONALE_LIMIT: usize = 1_000;

/// One source as its platform knows it: what it takes to send it something, and to see what it would answer.
pub(crate) struct Counterpart {
    /// The source itself. It calls nobody unless it is asked to.
    pub(crate) source: Arc<dyn Source>,
    /// How its deliveries are signed, and verified.
    pub(crate) verifier: Verifier<Credential>,
    /// Where its deliveries have what.
    pub(crate) shape: Shape,
    /// The longest rationale that its platform is sent, in characters.
    pub(crate) rationale_limit: usize,
}

/// Where a delivery has what.
pub(crate) enum Shape {
    /// As TraceMem's, with these fields beside TraceMem's own.
    TraceMem(Box<FieldMap>),
    /// As its settings say.
    Webhook(Box<Settings>),
    /// As our own API's.
    Http,
}

impl Counterpart {
    /// The counterpart of `source`, which is one of `config`.
    pub(crate) fn of(config: &Config, source: &SourceConfig) -> Result<Self, StartError> {
        let timeouts = Timeouts::within(config.outbox.timeout);
        let client = Client::new(timeouts).map_err(StartError::Client)?;
        let desk = one(config, source, &client)?;
        let (verifier, shape) = match &source.kind {
            SourceKind::TraceMem(tracemem) => {
                let verifier =
                    VerifyConfig::verifier(&tracemem.verify).map_err(StartError::Scheme)?;
                (verifier, Shape::TraceMem(Box::new(tracemem.fields.clone())))
            }
            SourceKind::Webhook(webhook) => {
                let settings = Box::new(webhook.settings.clone());
                (settings.verify.clone(), Shape::Webhook(settings))
            }
            SourceKind::Http(http) => {
                let tokens = named_tokens(http);
                let check = Check::BearerToken { tokens };
                (Verifier::new(vec![check]), Shape::Http)
            }
        };
        Ok(Self {
            source: desk.source,
            verifier,
            shape,
            rationale_limit: desk.terms.rationale_limit,
        })
    }
}

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
    terms(config, ConfigMode::DryRun, Channel::Answer)
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
    let (built, terms): (Arc<dyn Source>, _) = match &source.kind {
        SourceKind::TraceMem(tracemem) => {
            let terms = CaseTerms {
                answer_within: signed(tracemem.answer_within),
                ..terms(config, source.mode, Channel::Answer)
            };
            let settings = tracemem_settings(source, tracemem)?;
            let built = Tracemem::new(settings, client.clone()).map_err(StartError::Url)?;
            (Arc::new(built), terms)
        }
        SourceKind::Webhook(webhook) => {
            let terms = CaseTerms {
                answer_within: signed(webhook.answer_within),
                rationale_limit: webhook.rationale_limit,
                ..terms(config, source.mode, Channel::Answer)
            };
            let built = Webhook::new(webhook.settings.clone(), client.clone());
            let unusable = |reason| StartError::Webhook {
                source_name: source.name.clone(),
                reason,
            };
            (Arc::new(built.map_err(unusable)?), terms)
        }
        SourceKind::Http(http) => {
            let tokens = named_tokens(http);
            let forwarder = source
                .forward_to
                .clone()
                .map(|to| Forwarder::new(to, client.clone()));
            let built = HttpSource::new(source.name.clone(), tokens, forwarder);
            (Arc::new(built), terms(config, source.mode, Channel::Wait))
        }
    };
    Ok(Desk {
        source: built,
        terms: Arc::new(terms),
        forwards,
    })
}

fn named_tokens(http: &HttpConfig) -> Vec<NamedToken<Credential>> {
    let named = |token: &AgentToken| NamedToken {
        name: token.agent.clone(),
        token: token.token.clone(),
    };
    http.tokens.iter().map(named).collect()
}

/// What holds for the cases of a source that says nothing else.
fn terms(config: &Config, mode: ConfigMode, channel: Channel) -> CaseTerms {
    CaseTerms {
        mode: match mode {
            ConfigMode::DryRun => Mode::DryRun,
            ConfigMode::Enforce => Mode::Enforce,
        },
        channel,
        answer_within: ANSWER_WITHIN,
        give_up_after: GIVE_UP_AFTER,
        people: Arc::clone(&config.people),
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
