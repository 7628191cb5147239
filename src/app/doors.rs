//! Who comes in where: the paths of platforms, and the tokens of agents and operators.

use crate::config::{Config, SourceKind};
use crate::domain::person::Person;
use crate::identity::{Directory, Listed};
use crate::web::body::BodyLimits;
use crate::web::intake::{Agent, Door};
use crate::web::operators::CredentialExpiry;
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

/// Everybody whom the config lists.
pub(super) fn directory(config: &Config) -> Directory {
    let listed = |token: &crate::config::OperatorToken| Listed {
        name: token.name.clone(),
        email: token.email.clone(),
        role: token.role,
        teams: token.teams.clone(),
    };
    let tokens = config.operators.tokens.iter().map(listed).collect();
    Directory::new(
        std::sync::Arc::clone(&config.people),
        config.operators.grants.clone(),
        tokens,
        None,
    )
}

pub(super) fn operators(config: &Config) -> Tokens<Person> {
    let operator = |token: &crate::config::OperatorToken| {
        (
            token.token.clone(),
            Person {
                name: token.name.clone(),
                email: None,
                role: token.role,
                teams: config.people.teams_of(&token.name, None, &[]),
            },
        )
    };
    Tokens::new(config.operators.tokens.iter().map(operator).collect())
}
