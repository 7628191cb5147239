//! Who comes in where: the paths of platforms, and the tokens of agents and operators.

use std::sync::Arc;

use jiff::SignedDuration;

use super::{StartError, key};
use crate::config::{Config, OperatorToken, SourceKind};
use crate::identity::oidc::Oidc;
use crate::identity::{Directory, Holder, Known, Listed, Origin, Proven, Seal, Throttle, Users};
use crate::source::Client;
use crate::web::body::BodyLimits;
use crate::web::intake::{Agent, Door};
use crate::web::operators::{CredentialExpiry, Entrance, Site};
use crate::web::token::Tokens;

pub(super) fn doors(config: &Config) -> (Vec<Door>, Tokens<Agent>, Vec<CredentialExpiry>) {
    let (mut doors, mut agents, mut expiries) = (Vec::new(), Vec::new(), Vec::new());
    for source in &config.sources {
        expiries.extend(source.credential_expires().map(|at| CredentialExpiry {
            source: source.name.clone(),
            at,
        }));
        let path = match &source.kind {
            SourceKind::TraceMem(_) | SourceKind::Webhook(_) => Some(source.path.clone()),
            SourceKind::Http(http) => {
                let agent = |token: &crate::config::AgentToken| {
                    (
                        token.token.clone(),
                        Agent {
                            source: source.name.clone(),
                            name: token.agent.clone(),
                        },
                    )
                };
                agents.extend(http.tokens.iter().map(agent));
                None
            }
        };
        doors.push(Door {
            source: source.name.clone(),
            path,
            body: BodyLimits {
                bytes: source.body_limit.try_into().unwrap_or(usize::MAX),
                timeout: config.limits.body_timeout,
            },
            rate: source.rate_limit,
        });
    }
    (doors, Tokens::new(agents), expiries)
}

/// Who may come in to the people's side, and by which ways.
pub(super) fn entrance(
    config: &Config,
    people: Folk,
    client: &Client,
) -> Result<Entrance, StartError> {
    let operators = &config.operators;
    let proven = |token: &OperatorToken| Proven {
        origin: Origin::Token,
        name: token.name.clone(),
        email: token.email.clone(),
        groups: Vec::new(),
    };
    let oidc = operators.oidc.clone();
    let oidc = oidc
        .map(|settings| Oidc::new(settings, client.clone()))
        .transpose()?;
    let tokens = operators.tokens.iter();
    let tokens = tokens.map(|token| (token.token.clone(), proven(token)));
    Ok(Entrance {
        directory: people.directory,
        tokens: Tokens::new(tokens.collect()),
        users: people.users,
        throttle: Throttle::default(),
        oidc,
        proxy: operators.proxy.clone(),
        seal: people.seal,
        lifetime: SignedDuration::try_from(operators.session.lifetime)
            .unwrap_or(SignedDuration::MAX),
        site: Site::at(operators.url.as_deref())?,
    })
}

/// Who is known, and what they are handed is sealed with: for every way in.
pub(super) struct Folk {
    /// Local users.
    pub(super) users: Arc<Users>,
    /// Everybody we know.
    pub(super) directory: Arc<Directory>,
    /// What sessions and links are sealed with.
    pub(super) seal: Seal,
}

/// Who is known by `config`.
pub(super) fn folk(config: &Config) -> Result<Folk, StartError> {
    let listed = |token: &OperatorToken| Listed {
        name: token.name.clone(),
        email: token.email.clone(),
        role: token.role,
        teams: token.teams.clone(),
    };
    let taken = config.taken();
    let tools = taken.iter().filter(|taken| taken.by == Holder::Tool);
    let tools = tools.map(|tool| tool.name.clone()).collect();
    let users = Arc::new(Users::at(&config.operators.users).beside(taken));
    // Whoever does not get in is told of at the start, not when they first try.
    let _ = users.list();
    let directory = Directory::new(
        Arc::clone(&config.people),
        config.operators.grants.clone(),
        config.operators.tokens.iter().map(listed).collect(),
        Some(Arc::clone(&users) as Arc<dyn Known>),
    )
    .beside(tools);
    Ok(Folk {
        users,
        directory: Arc::new(directory),
        seal: Seal::new(&key::session_key(&config.operators.session.key)?),
    })
}
