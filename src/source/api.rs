//! A platform's API, as one source calls it: with what proves who we are, and no faster than the platform wants.
//!
//! What must hold: a call that lacks its proof does not leave; a secret that cannot be read is waited for; a platform
//! that asks for a pause gets it; whatever a response says, no secret that went out with the call is repeated.

mod limits;
mod login;
mod proof;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;

use crate::secret::Secret;
use crate::source::auth::{Auth, Login};
use crate::source::callback::CallbackClient;
use crate::source::client::{Destination, NoResponse, Outgoing, Response};
use crate::source::{AnswerResult, Client, Confirmation, NotListed, Reach};

use limits::Limits;
use login::Sessions;
use proof::Proof;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The way of one source to its platform.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    callbacks: CallbackClient,
    sessions: Sessions,
    limits: Limits,
}

/// Why there is no response to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoCall {
    /// It may work later.
    Retry {
        after: Option<Duration>,
        error: String,
        reach: Reach,
    },
    /// A person has to act; it may work after that.
    Alert { error: String },
    /// It will never work like this.
    Failed { error: String },
}

impl Api {
    /// Calls by `client` where the config says, and by `callbacks` where a request says.
    pub(super) fn new(client: Client, callbacks: CallbackClient) -> Self {
        Self {
            client,
            callbacks,
            sessions: Sessions::default(),
            limits: Limits::default(),
        }
    }

    /// Who calls back where a request says, and knows what it may say.
    pub(super) fn callbacks(&self) -> &CallbackClient {
        &self.callbacks
    }

    /// Makes one call. `idempotency` is the same for every attempt at it. A response of any status is a response.
    pub(super) async fn call(
        &self,
        mut outgoing: Outgoing<Destination>,
        auth: Option<&Auth>,
        own_token: Option<&Secret>,
        idempotency: &str,
        now: Timestamp,
    ) -> Result<Response, NoCall> {
        self.limits.hold(&outgoing.to.host(), now)?;
        complete(&mut outgoing, idempotency);
        let body = outgoing.body.as_deref().unwrap_or_default();
        let proof = match auth {
            None => Ok(Proof::default()),
            Some(Auth::Bearer(credential)) => Proof::bearer(credential),
            Some(Auth::OwnToken) => Proof::own_token(own_token),
            Some(Auth::Header { name, value }) => Proof::header(name, value),
            Some(Auth::Basic { user, password }) => Proof::basic(user, password),
            Some(Auth::Hmac(scheme)) => Proof::hmac(scheme, body, idempotency, now),
            Some(Auth::Login(login)) => {
                let mut response = self.call_logged_in(outgoing, login, now).await?;
                response.withhold(own_token.cloned());
                return Ok(response);
            }
        };
        let mut response = self.send(outgoing, proof?, now).await?;
        response.withhold(own_token.cloned());
        Ok(response)
    }

    async fn call_logged_in(
        &self,
        outgoing: Outgoing<Destination>,
        login: &Login,
        now: Timestamp,
    ) -> Result<Response, NoCall> {
        let session = self.sessions.of(login);
        let token = session.token(&self.client, login, now).await?;
        let again = outgoing.clone();
        let response = self.send(outgoing, Proof::login(&token)?, now).await?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let Some(fresh) = session
            .replace(&self.client, login, &token, now)
            .await
            .map_err(NoCall::after_refusal)?
        else {
            return Ok(response);
        };
        let response = self.send(again, Proof::login(&fresh)?, now).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            session.refused(&fresh, now).await;
        }
        Ok(response)
    }

    async fn send(
        &self,
        outgoing: Outgoing<Destination>,
        proof: Proof,
        now: Timestamp,
    ) -> Result<Response, NoCall> {
        let host = outgoing.to.host();
        // A login, or another call, may have taken its time.
        self.limits.hold(&host, now)?;
        let Outgoing {
            method,
            to,
            mut headers,
            body,
            largest,
        } = outgoing;
        for (name, value) in proof.headers {
            headers.insert(name, value);
        }
        let sent = match to {
            Destination::Configured(to) => {
                self.client
                    .send(Outgoing {
                        method,
                        to,
                        headers,
                        body,
                        largest,
                    })
                    .await
            }
            Destination::Callback(to) => {
                self.callbacks
                    .send(Outgoing {
                        method,
                        to,
                        headers,
                        body,
                        largest,
                    })
                    .await
            }
        };
        let mut response = sent?;
        if let Some(pause) = response.exhausted_for() {
            self.limits.exhausted(host, pause, now);
        }
        response.withhold(proof.secrets);
        Ok(response)
    }
}

impl Destination {
    /// Host and, where it is not the scheme's own, port.
    fn host(&self) -> String {
        match self {
            Self::Configured(url) => url.host(),
            Self::Callback(url) => url.host(),
        }
    }
}

/// Adds what every call says, unless the config has it say something else.
fn complete(outgoing: &mut Outgoing<Destination>, idempotency: &str) {
    let json = HeaderValue::from_static("application/json");
    let headers = &mut outgoing.headers;
    introduce(headers);
    if outgoing.body.is_some() {
        headers.entry(header::CONTENT_TYPE).or_insert(json);
    }
    let reads = matches!(outgoing.method, Method::GET | Method::HEAD);
    if !reads && let Ok(key) = HeaderValue::from_str(idempotency) {
        headers.entry(IDEMPOTENCY_KEY).or_insert(key);
    }
}

fn introduce(headers: &mut HeaderMap) {
    let user_agent = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(user_agent);
    let json = HeaderValue::from_static("application/json");
    headers.entry(header::ACCEPT).or_insert(json);
}

impl NoCall {
    /// What it is where the platform has refused the call before.
    fn after_refusal(self) -> Self {
        match self {
            Self::Retry { after, error, .. } => Self::Retry {
                after,
                error,
                reach: Reach::Refused,
            },
            Self::Alert { .. } | Self::Failed { .. } => self,
        }
    }
}

impl From<NoResponse> for NoCall {
    fn from(no_response: NoResponse) -> Self {
        match no_response {
            NoResponse::Lost { error, reach } => Self::Retry {
                after: None,
                error,
                reach,
            },
            NoResponse::Refused(refused) => Self::Failed {
                error: refused.to_string(),
            },
        }
    }
}

impl From<NoCall> for AnswerResult {
    fn from(no_call: NoCall) -> Self {
        match no_call {
            NoCall::Retry {
                after,
                error,
                reach,
            } => Self::Retry {
                after,
                error,
                reach,
            },
            NoCall::Alert { error } => Self::Alert { error },
            NoCall::Failed { error } => Self::Failed { error },
        }
    }
}

impl From<NoCall> for Confirmation {
    fn from(no_call: NoCall) -> Self {
        match no_call {
            NoCall::Retry { after, error, .. } => Self::Retry { after, error },
            NoCall::Alert { error } => Self::Alert { error },
            NoCall::Failed { error } => Self::Failed { error },
        }
    }
}

impl From<NoCall> for NotListed {
    fn from(no_call: NoCall) -> Self {
        match no_call {
            NoCall::Retry { error, .. } => Self::Later(error),
            NoCall::Alert { error } | NoCall::Failed { error } => Self::Alert(error),
        }
    }
}

#[cfg(test)]
mod tests;
