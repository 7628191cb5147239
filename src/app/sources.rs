//! From what the config says of the sources to the sources.

use std::sync::Arc;

use http::HeaderName;
use jiff::SignedDuration;

use crate::config::{
    AgentToken, Config, FieldConfig, FieldName, HmacAlgorithm, HmacConfig, HmacEncoding,
    HttpConfig, Mode as ConfigMode, SourceConfig, SourceKind, TraceMemConfig, VerifyConfig,
};
use crate::credential::Credential;
use crate::domain::case::{CaseTerms, Channel, Mode};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::SourceName;
use crate::flow::{Desk, Forwards};
use crate::json::Pointer;
use crate::signature::{Algorithm, Check, Encoding, HmacScheme, NamedToken, SignedText, Verifier};
use crate::source::forward::Forwarder;
use crate::source::http::HttpSource;
use crate::source::tracemem::{Tracemem, TracememSettings};
use crate::source::{Client, FieldMap, FieldRule, Source, Timeouts, WebUrl};

use super::StartError;

/// How long anything but an approval is tried.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

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
    TraceMem(FieldMap),
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
                let settings = tracemem_settings(source, tracemem, None)?;
                (settings.verify, Shape::TraceMem(settings.fields))
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
    let forward_to = match &source.forward_to {
        Some(url) => Some(web_url(url.as_str())?),
        None => None,
    };
    let forwards = if forward_to.is_some() {
        Forwards::Events
    } else {
        Forwards::Nothing
    };
    match &source.kind {
        SourceKind::TraceMem(tracemem) => {
            let terms = terms(
                config,
                source.mode,
                Channel::Answer,
                signed(tracemem.answer_within),
            );
            let settings = tracemem_settings(source, tracemem, forward_to)?;
            let built = Tracemem::new(settings, client.clone()).map_err(StartError::Url)?;
            Ok(Desk {
                source: Arc::new(built),
                terms: Arc::new(terms),
                forwards,
            })
        }
        SourceKind::Http(http) => {
            let terms = terms(
                config,
                source.mode,
                Channel::Wait,
                SignedDuration::from_mins(15),
            );
            let tokens = named_tokens(http);
            let forwarder = forward_to.map(|to| Forwarder::new(to, client.clone()));
            let built = HttpSource::new(source.name.clone(), tokens, forwarder);
            Ok(Desk {
                source: Arc::new(built),
                terms: Arc::new(terms),
                forwards,
            })
        }
    }
}

fn named_tokens(http: &HttpConfig) -> Vec<NamedToken<Credential>> {
    let named = |token: &AgentToken| NamedToken {
        name: token.agent.clone(),
        token: token.token.clone(),
    };
    http.tokens.iter().map(named).collect()
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
    forward_to: Option<WebUrl>,
) -> Result<TracememSettings, StartError> {
    let checks: Result<Vec<_>, _> = tracemem.verify.iter().map(check).collect();
    let volatile: Result<Vec<_>, _> = source
        .volatile
        .iter()
        .map(|raw| Pointer::parse(raw))
        .collect();
    let mut fields = FieldMap::default();
    for (name, field) in &tracemem.fields {
        let rule = field_rule(field)?;
        match name {
            FieldName::Action => fields.action = Some(rule),
            FieldName::Context => fields.context = Some(rule),
            FieldName::Agent => fields.agent = Some(rule),
        }
    }
    Ok(TracememSettings {
        name: source.name.clone(),
        api_url: web_url(tracemem.api_url.as_str())?,
        credential: tracemem.credential.clone(),
        verify: Verifier::new(checks?),
        fields,
        volatile: volatile.map_err(StartError::Pointer)?,
        forward_to,
    })
}

fn field_rule(field: &FieldConfig) -> Result<FieldRule, StartError> {
    let pointer = |raw: &str| Pointer::parse(raw).map_err(StartError::Pointer);
    Ok(match field {
        FieldConfig::Pointer(at) => FieldRule::At(pointer(at)?),
        FieldConfig::Value(value) => FieldRule::Value(value.clone()),
        FieldConfig::Inside { at, json } => FieldRule::Inside {
            at: pointer(at)?,
            json: pointer(json)?,
        },
    })
}

fn check(configured: &VerifyConfig) -> Result<Check<Credential>, StartError> {
    Ok(match configured {
        VerifyConfig::Hmac(hmac) => Check::Hmac(scheme(hmac)?.check().map_err(StartError::Scheme)?),
        VerifyConfig::Ecdsa(check) => Check::Ecdsa(check.clone()),
        VerifyConfig::StandardWebhooks { secrets, tolerance } => Check::StandardWebhooks {
            secrets: secrets.clone(),
            tolerance: signed(*tolerance),
        },
        VerifyConfig::StaticHeader { name, secrets } => Check::StaticHeader {
            name: header(name)?,
            secrets: secrets.clone(),
        },
        VerifyConfig::SecretPath(secret) => Check::SecretPath {
            secrets: vec![secret.clone()],
        },
        VerifyConfig::UserAgent(expected) => Check::UserAgent {
            expected: expected.clone(),
        },
    })
}

fn scheme(hmac: &HmacConfig) -> Result<HmacScheme<Credential>, StartError> {
    let optional = |name: &Option<String>| name.as_deref().map(header).transpose();
    Ok(HmacScheme {
        header: header(&hmac.header)?,
        algorithm: match hmac.algorithm {
            HmacAlgorithm::Sha256 => Algorithm::Sha256,
            HmacAlgorithm::Sha512 => Algorithm::Sha512,
        },
        encoding: match hmac.encoding {
            HmacEncoding::Hex => Encoding::Hex,
            HmacEncoding::Base64 => Encoding::Base64,
        },
        prefix: hmac.prefix.clone(),
        signed: SignedText::parse(hmac.template()).map_err(StartError::Scheme)?,
        timestamp_header: optional(&hmac.timestamp_header)?,
        id_header: optional(&hmac.id_header)?,
        tolerance: signed(hmac.tolerance),
        secrets: hmac.secrets.clone(),
    })
}

fn header(name: &str) -> Result<HeaderName, StartError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| StartError::Header(name.to_owned()))
}

fn web_url(raw: &str) -> Result<WebUrl, StartError> {
    WebUrl::parse(raw).map_err(StartError::Url)
}

fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
