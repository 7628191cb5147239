//! Tokens that are logged in for: got once for all who need one, renewed before they end, never asked for in a rush.

mod life;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Short, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Mutex;

use super::limits::Pause;
use super::proof::read;
use super::{NoCall, introduce};
use crate::secret::Secret;
use crate::source::auth::Login;
use crate::source::client::{Class, LARGEST_RESPONSE, NoResponse, Outgoing, Response, Unreadable};
use crate::source::{Client, Reach};

use life::Life;

/// How long a login that needs a person is not tried again, unless the password changes.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// What stands for the password in a login's body.
const PASSWORD: &str = "{password}";

/// The logins of one source. Calls that log in alike share a token.
#[derive(Debug, Default)]
pub(super) struct Sessions(Short<Vec<(Login, Arc<Session>)>>);

impl Sessions {
    pub(super) fn of(&self, login: &Login) -> Arc<Session> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, session)) = known.iter().find(|(known, _)| is_same(known, login)) {
            return Arc::clone(session);
        }
        let session = Arc::new(Session::default());
        known.push((login.clone(), Arc::clone(&session)));
        session
    }
}

fn is_same(one: &Login, other: &Login) -> bool {
    one.url == other.url && one.body == other.body && one.token == other.token
}

/// One login. Whoever holds the lock logs in, the others wait for what comes of it.
#[derive(Debug, Default)]
pub(super) struct Session {
    failures: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Held {
    token: Secret,
    life: Life,
    /// When it was refused although it had just been given.
    refused: Option<Pause>,
}

#[derive(Debug)]
struct Failure {
    error: NoCall,
    pause: Pause,
    password: Secret,
}

impl Session {
    /// A token that is good for a while.
    pub(super) async fn token(
        &self,
        client: &Client,
        login: &Login,
        now: Timestamp,
    ) -> Result<Secret, NoCall> {
        let before = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held
            && held.life.is_fresh(now)
        {
            return Ok(held.token.clone());
        }
        match self.log_in(&mut state, before, client, login, now).await {
            Ok(token) => Ok(token),
            // It could not be renewed yet, and is good still.
            Err(error) => match &state.held {
                Some(held) if held.life.lasts(now) => Ok(held.token.clone()),
                Some(_) | None => Err(error),
            },
        }
    }

    /// Another token than `refused`: the one that somebody else has got since, or a new one. None where a new one was
    /// just refused as well.
    pub(super) async fn replace(
        &self,
        client: &Client,
        login: &Login,
        refused: &Secret,
        now: Timestamp,
    ) -> Result<Option<Secret>, NoCall> {
        let before = self.failures.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(held) = &state.held {
            if !held.token.matches(refused.expose().as_bytes()) {
                return Ok(Some(held.token.clone()));
            }
            if held.refused.is_some_and(|pause| pause.left(now).is_some()) {
                return Ok(None);
            }
        }
        state.held = None;
        self.log_in(&mut state, before, client, login, now)
            .await
            .map(Some)
    }

    /// `token`, which had just been given, was refused.
    pub(super) async fn refused(&self, token: &Secret, now: Timestamp) {
        if let Some(held) = &mut self.state.lock().await.held
            && held.token.matches(token.expose().as_bytes())
        {
            held.refused = Some(Pause::new(now, AFTER_REFUSAL));
        }
    }

    /// Logs in, unless that has failed while we waited or too short a time ago.
    async fn log_in(
        &self,
        state: &mut State,
        before: u64,
        client: &Client,
        login: &Login,
        now: Timestamp,
    ) -> Result<Secret, NoCall> {
        let password = read(&login.password)?;
        let is_new = if self.failures.load(Ordering::Acquire) == before {
            IsNew::No
        } else {
            IsNew::Yes
        };
        if let Some(failure) = &state.failure
            && let Some(error) = failure.stands(&password, now, is_new)
        {
            return Err(error);
        }
        match ask(client, login, &password, now).await {
            Ok(held) => {
                let token = held.token.clone();
                *state = State {
                    held: Some(held),
                    failure: None,
                };
                Ok(token)
            }
            Err(error) => {
                state.failure = Some(Failure {
                    pause: Pause::new(now, pause_after(&error)),
                    error: error.clone(),
                    password,
                });
                self.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }
}

impl Failure {
    /// The failure, as long as there is no point in another try.
    fn stands(&self, password: &Secret, now: Timestamp, is_new: IsNew) -> Option<NoCall> {
        let left = self.pause.left(now);
        match &self.error {
            NoCall::Retry { error, reach, .. } => {
                (left.is_some() || is_new == IsNew::Yes).then(|| NoCall::Retry {
                    after: left,
                    error: error.clone(),
                    reach: *reach,
                })
            }
            NoCall::Alert { .. } | NoCall::Failed { .. } => {
                let same = self.password.matches(password.expose().as_bytes());
                (same && (left.is_some() || is_new == IsNew::Yes)).then(|| self.error.clone())
            }
        }
    }
}

/// Whether it failed while we waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IsNew {
    Yes,
    No,
}

/// How long after a failure there is no point in another try.
fn pause_after(error: &NoCall) -> Duration {
    match error {
        NoCall::Retry { after, .. } => after.unwrap_or_default(),
        NoCall::Alert { .. } | NoCall::Failed { .. } => AFTER_REFUSAL,
    }
}

async fn ask(
    client: &Client,
    login: &Login,
    password: &Secret,
    now: Timestamp,
) -> Result<Held, NoCall> {
    let mut headers = HeaderMap::new();
    introduce(&mut headers);
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let outgoing = Outgoing {
        method: Method::POST,
        to: login.url.clone(),
        headers,
        body: Some(Bytes::from(
            filled(&login.body, password.expose()).to_string(),
        )),
        largest: LARGEST_RESPONSE,
    };
    let response = match client.send(outgoing).await {
        Ok(response) => response,
        Err(NoResponse::Lost { error, .. }) => return Err(later(None, &error)),
        Err(NoResponse::Refused(refused)) => return Err(refused_for(&refused.to_string())),
    };
    match response.class() {
        Class::Taken => {
            let token = token_in(&response, login)?;
            Ok(Held {
                life: Life::of(&token, login.lifetime, now),
                token,
                refused: None,
            })
        }
        Class::Later(_) => Err(later(
            response.retry_after(),
            &response.describe(&[password]),
        )),
        Class::Already | Class::Expired | Class::Unauthorized | Class::Never => {
            Err(refused_for(&response.describe(&[password])))
        }
    }
}

fn token_in(response: &Response, login: &Login) -> Result<Secret, NoCall> {
    let body = response.strict_json().map_err(|error| match error {
        Unreadable::Cut(_) => later(None, &error.to_string()),
        Unreadable::TooLarge(_) | Unreadable::Json { .. } => refused_for(&error.to_string()),
    })?;
    match login.token.find(&body) {
        Some(Value::String(token)) if !token.is_empty() => Ok(Secret::new(token)),
        Some(_) | None => Err(refused_for(&format!(
            "the response holds no token at `{}`",
            login.token
        ))),
    }
}

/// Whatever became of the login, the call itself did not leave.
fn later(after: Option<Duration>, reason: &str) -> NoCall {
    NoCall::Retry {
        after,
        error: format!("cannot log in yet: {reason}"),
        reach: Reach::NotReached,
    }
}

fn refused_for(reason: &str) -> NoCall {
    NoCall::Alert {
        error: format!("cannot log in: {reason}"),
    }
}

/// The body with the password where the template says.
fn filled(template: &Value, password: &str) -> Value {
    match template {
        Value::String(text) if text == PASSWORD => Value::String(password.to_owned()),
        Value::Array(items) => items.iter().map(|item| filled(item, password)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), filled(value, password)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => template.clone(),
    }
}
