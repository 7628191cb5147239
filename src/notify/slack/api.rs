//! Slack's Web API: calls with the bot's token, and what its answers mean.
//!
//! What must hold: the token is read at each call, since its file may be exchanged, and is in no error; what Slack
//! says passes into an error only where it is one of its own words.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use crate::domain::effect::Reached;
use crate::notify::SlackSettings;
use crate::notify::slack::blocks::{Face, said_in_blocks};
use crate::notify::slack::choice::Place;
use crate::notify::slack::text::Wording;
use crate::secret::Secret;
use crate::source::{Client, NoResponse, Outgoing, Response};

/// The most that is read of an answer: Slack repeats the message it was given, with every other character escaped.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What Slack says when it failed on the way: a part of the call may have been done.
const FAILED: [&str; 4] = [
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
];

/// What Slack says when it did nothing, and the same call may succeed later.
const LATER: [&str; 5] = [
    "ratelimited",
    "rate_limited",
    "accesslimited",
    "org_login_required",
    "team_added_to_org",
];

/// Slack's Web API, as our app may use it. Clones share it.
#[derive(Debug, Clone)]
pub struct SlackApi {
    settings: SlackSettings,
    client: Client,
}

/// Why Slack did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Not now.
    #[error("{error}")]
    Later {
        /// At the earliest after this.
        after: Option<Duration>,
        /// Why.
        error: String,
        /// Whether it may have been done all the same, where the answer was lost.
        reached: Reached,
    },
    /// Not as it is.
    #[error("Slack refuses `{method}`: {word}{}", needed(.scope.as_deref()))]
    Refused {
        /// The method that was called.
        method: &'static str,
        /// Slack's own word for it.
        word: String,
        /// The scope that the app lacks, where that is why.
        scope: Option<String>,
    },
    /// The answer is none of Slack's: the address is wrong, or something stands between.
    #[error("{0}")]
    Unusable(String),
}

fn needed(scope: Option<&str>) -> String {
    scope.map_or_else(String::new, |scope| {
        format!("; give the app the scope `{scope}` and install it again")
    })
}

impl SlackError {
    /// Slack's own word for why not.
    pub fn word(&self) -> &str {
        match self {
            Self::Refused { word, .. } => word,
            Self::Later { .. } | Self::Unusable(_) => "",
        }
    }
}

impl SlackApi {
    /// The API of the app with these settings.
    pub fn new(settings: SlackSettings, client: Client) -> Self {
        Self { settings, client }
    }

    /// The settings of the app.
    pub fn settings(&self) -> &SlackSettings {
        &self.settings
    }

    /// Posts a message to `channel`, in the thread `thread` if there is one, and says where it stands.
    pub(super) async fn post(
        &self,
        channel: &str,
        thread: Option<&str>,
        face: &Face,
    ) -> Result<Option<Place>, SlackError> {
        let mut message = json!({
            "channel": channel, "text": face.text, "blocks": face.blocks,
            // Nothing in it is looked up, linked or shown as something else.
            "mrkdwn": false, "parse": "none", "link_names": false, "unfurl_links": false, "unfurl_media": false,
        });
        if let (Some(thread), Some(message)) = (thread, message.as_object_mut()) {
            message.insert("thread_ts".to_owned(), thread.into());
            // Nobody follows the thread of a card, so whoever is in the channel sees it too.
            message.insert("reply_broadcast".to_owned(), true.into());
        }
        let answer = self.call("chat.postMessage", &message).await?;
        Ok(Place::of_answer(&answer))
    }

    /// Puts `face` in the place of the message at `place`.
    pub async fn update(&self, place: &Place, face: &Face) -> Result<(), SlackError> {
        let message = json!({
            "channel": place.channel, "ts": place.ts, "text": face.text, "blocks": face.blocks,
            "parse": "none", "link_names": false,
        });
        self.call("chat.update", &message).await.map(drop)
    }

    /// Tells `user` alone, in `channel`.
    pub async fn whisper(
        &self,
        channel: &str,
        user: &str,
        said: &Wording,
    ) -> Result<(), SlackError> {
        let blocks = said_in_blocks(said);
        let message = json!({
            "channel": channel, "user": user, "text": said.fallback(), "blocks": blocks,
            "parse": "none", "link_names": false,
        });
        self.call("chat.postEphemeral", &message).await.map(drop)
    }

    /// Opens `view` for whoever clicked what gave us `trigger`.
    pub async fn open(&self, trigger: &str, view: &Value) -> Result<(), SlackError> {
        let body = json!({ "trigger_id": trigger, "view": view });
        self.call("views.open", &body).await.map(drop)
    }

    /// Calls a method that writes.
    async fn call(&self, method: &'static str, body: &Value) -> Result<Value, SlackError> {
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        self.send(method, kind, body.to_string().into()).await
    }

    /// Calls a method that reads: those take no JSON.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Value, SlackError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.send(method, kind, body.into()).await
    }

    async fn send(
        &self,
        method: &'static str,
        kind: HeaderValue,
        body: Bytes,
    ) -> Result<Value, SlackError> {
        let token = self.settings.token.read();
        let token =
            token.map_err(|error| later(format!("no token for Slack: {error}"), Reached::No))?;
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| {
                let error = "the token for Slack holds characters that no token has";
                later(error.to_owned(), Reached::No)
            })?;
        bearer.set_sensitive(true);
        let to = self.settings.api_url.under(&format!("/{method}"));
        let to = to.map_err(|error| SlackError::Unusable(format!("`slack.api_url`: {error}")))?;
        let response = self.client.send(Outgoing {
            method: Method::POST,
            to,
            headers: HeaderMap::from_iter([(AUTHORIZATION, bearer), (CONTENT_TYPE, kind)]),
            body: Some(body),
            largest: LARGEST_ANSWER,
        });
        match response.await {
            Ok(response) => understood(method, &response, &token),
            Err(NoResponse::Lost { error, reach }) => Err(later(error, reach.into())),
            Err(NoResponse::Refused(refused)) => Err(SlackError::Unusable(refused.to_string())),
        }
    }
}

fn later(error: String, reached: Reached) -> SlackError {
    SlackError::Later {
        after: None,
        error,
        reached,
    }
}

fn understood(
    method: &'static str,
    response: &Response,
    token: &Secret,
) -> Result<Value, SlackError> {
    let status = response.status;
    let put_off = |error, reached| SlackError::Later {
        after: response.retry_after(),
        error,
        reached,
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(put_off(response.describe(&[token]), Reached::No));
    }
    if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() {
        return Err(put_off(response.describe(&[token]), Reached::Perhaps));
    }
    if status != StatusCode::OK {
        return Err(SlackError::Unusable(response.describe(&[token])));
    }
    // A broken answer may stand for a message that is there; the caller tries again.
    let answer = response.strict_json();
    let answer = answer.map_err(|unreadable| later(unreadable.to_string(), Reached::Perhaps))?;
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer);
    }
    let said = |key: &str| answer.get(key).and_then(Value::as_str).and_then(word);
    let Some(word) = said("error") else {
        return Err(SlackError::Unusable(format!(
            "the answer to `{method}` is none of Slack's; look at `slack.api_url`"
        )));
    };
    let not_now = format!("Slack cannot do `{method}` now: {word}");
    if FAILED.contains(&word) {
        return Err(put_off(not_now, Reached::Perhaps));
    }
    if LATER.contains(&word) {
        return Err(put_off(not_now, Reached::No));
    }
    Err(SlackError::Refused {
        method,
        word: word.to_owned(),
        scope: said("needed").map(str::to_owned),
    })
}

/// `text`, if it is a word such as Slack's errors and scopes are: whatever else stands there is not repeated.
fn word(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || b"_:.,".contains(&byte);
    (!text.is_empty() && text.len() <= 80 && text.bytes().all(plain)).then_some(text)
}
