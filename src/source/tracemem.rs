//! TraceMem: asks by webhook, is answered over its API.
//!
//! A request's `token` is all it takes to answer it. It is taken out of everything that policies, people and logs see,
//! and leaves only towards TraceMem.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::credential::Credential;
use crate::domain::effect::{Ballot, Forward};
use crate::domain::id::{ContentDigest, RequestId, SourceName};
use crate::domain::request::Request;
use crate::json::{self, Pointer};
use crate::secret::Secret;
use crate::signature::{Delivery, Unverified, Verified, Verifier};
use crate::source::blot::{Mark, blot_out};
use crate::source::fields::{Content, moment};
use crate::source::forward::Forwarder;
use crate::source::{
    AnswerResult, AnswerTask, Client, Elsewhere, FieldMap, InvalidUrl, Malformed, Occasion,
    Preview, Reach, Reading, Source, WebUrl, reply,
};

/// What the config says of one TraceMem source.
#[derive(Debug)]
pub struct TracememSettings {
    /// Its name.
    pub name: SourceName,
    /// Where TraceMem's API is: `https://api.tracemem.com`.
    pub api_url: WebUrl,
    /// The webhook credential that answers are sent with. A source in dry-run needs none.
    pub credential: Option<Credential>,
    /// How deliveries are verified.
    pub verify: Verifier<Credential>,
    /// Where action, context and agent are.
    pub fields: FieldMap,
    /// Parts of the payload that may differ between two deliveries of one request.
    pub volatile: Vec<Pointer>,
    /// Where events are passed on to.
    pub forward_to: Option<WebUrl>,
}

/// A TraceMem source.
#[derive(Debug)]
pub struct Tracemem {
    settings: TracememSettings,
    respond: WebUrl,
    client: Client,
    forwarder: Option<Forwarder>,
}

impl Tracemem {
    /// A source that calls out by `client`.
    pub fn new(settings: TracememSettings, client: Client) -> Result<Self, InvalidUrl> {
        let respond = settings.api_url.under("/v1/webhooks/approvals/respond")?;
        let forwarder = settings
            .forward_to
            .clone()
            .map(|to| Forwarder::new(to, client.clone()));
        Ok(Self {
            settings,
            respond,
            client,
            forwarder,
        })
    }
}

#[async_trait]
impl Source for Tracemem {
    fn name(&self) -> &SourceName {
        &self.settings.name
    }

    fn verify(&self, delivery: Delivery, now: Timestamp) -> Result<Verified<Delivery>, Unverified> {
        self.settings.verify.verify(delivery, now, Credential::read)
    }

    fn read(&self, delivery: &Verified<Delivery>, _now: Timestamp) -> Result<Reading, Malformed> {
        let payload = json::parse(&delivery.get().body)?;
        if !payload.is_object() {
            return Err(Malformed::NotAnObject);
        }
        match required_text(&payload, "event")?.as_str() {
            "approval.requested" => self
                .read_request(payload, delivery)
                .map(Box::new)
                .map(Reading::Request),
            "approval.resolved" => read_resolved(&payload).map(Reading::Resolved),
            event => Ok(Reading::Nothing(Occasion {
                event: bounded(event),
                request: request_id(&payload).ok(),
                delivery: None,
                content: None,
            })),
        }
    }

    async fn answer(&self, task: &AnswerTask) -> AnswerResult {
        let Some(token) = &task.token else {
            return AnswerResult::Failed {
                error: NO_TOKEN.to_owned(),
            };
        };
        let Some(credential) = &self.settings.credential else {
            return AnswerResult::Alert {
                error: NO_CREDENTIAL.to_owned(),
            };
        };
        let credential = match credential.read() {
            Ok(credential) => credential,
            Err(error) => {
                let error = format!("the credential cannot be read: {error}");
                return AnswerResult::Retry {
                    after: None,
                    error,
                    reach: Reach::NotReached,
                };
            }
        };
        let Some(headers) = headers(&credential, task) else {
            let error = "the credential holds characters that no header can hold".to_owned();
            return AnswerResult::Alert { error };
        };
        let ours = reply::ours(task.ballot);
        let body = match serde_json::to_vec(&Answer::to(task, token.expose())) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                return AnswerResult::Failed {
                    error: error.to_string(),
                };
            }
        };
        match self.client.post(&self.respond, headers, body).await {
            Ok(response) => reply::understand(
                &response,
                response.class(),
                reply::outcome(&response),
                &ours,
                &[token, &credential],
            ),
            Err(no_response) => no_response.into(),
        }
    }

    async fn forward(&self, forward: &Forward) -> AnswerResult {
        Forwarder::pass_on(self.forwarder.as_ref(), forward).await
    }

    fn preview(&self, task: &AnswerTask) -> Option<Result<Preview, String>> {
        if task.token.is_none() {
            return Some(Err(NO_TOKEN.to_owned()));
        }
        if self.settings.credential.is_none() {
            return Some(Err(NO_CREDENTIAL.to_owned()));
        }
        let Some(headers) = headers(&Secret::new(HIDDEN), task) else {
            return Some(Err(format!("`{HIDDEN}` does not fit into a header")));
        };
        let headers = headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        });
        Some(Ok(Preview {
            method: "POST".to_owned(),
            url: self.respond.as_url().to_string(),
            headers: headers.collect(),
            body: serde_json::to_string(&Answer::to(task, HIDDEN)).ok(),
        }))
    }
}

const NO_TOKEN: &str = "the request carried no token to answer it with";
const NO_CREDENTIAL: &str = "the source has no `credential` to answer with";

/// What stands in a preview where a secret stands in an answer.
const HIDDEN: &str = "***";

/// The body of an answer, in the order TraceMem documents it.
#[derive(Serialize)]
struct Answer<'a> {
    token: &'a str,
    resolution: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rationale: Option<&'a str>,
}

impl<'a> Answer<'a> {
    fn to(task: &'a AnswerTask, token: &'a str) -> Self {
        Self {
            token,
            resolution: match task.ballot {
                Ballot::Approve => "approved",
                Ballot::Reject => "rejected",
            },
            rationale: Some(task.rationale.as_str()).filter(|rationale| !rationale.is_empty()),
        }
    }
}

impl Tracemem {
    fn read_request(
        &self,
        mut payload: Value,
        delivery: &Verified<Delivery>,
    ) -> Result<Request, Malformed> {
        let id = request_id(&payload)?;
        let token = Secret::new(required_text(&payload, "token")?);
        let expires_at = moment(&payload, "expires_at")?;
        let content = self.digest(&payload, &token)?;
        if let Value::Object(members) = &mut payload {
            members.shift_remove("token");
        }
        blot_out(&mut payload, &token, Mark::Token);
        let mut parts = self.parts(&payload);
        if let Some(context) = &mut parts.context {
            blot_out(context, &token, Mark::Token);
        }
        Ok(Request {
            source: self.settings.name.clone(),
            platform: "tracemem",
            id,
            scope: String::new(),
            action: parts.action,
            agent: parts.agent,
            context: parts.context,
            title: parts.title,
            message: parts.message,
            requested_at: None,
            expires_at,
            rationale_required: rationale_required(&payload),
            proven: delivery.proven(),
            payload,
            token: Some(token),
            content,
        })
    }

    fn digest(&self, payload: &Value, token: &Secret) -> Result<ContentDigest, Malformed> {
        let mut lasting = payload.clone();
        for volatile in &self.settings.volatile {
            volatile.remove(&mut lasting);
        }
        let parts = Content {
            expires_at: moment(&lasting, "expires_at")?,
            ..self.parts(&lasting)
        };
        Ok(parts.digest(lasting.get("token").map(|_| token)))
    }

    fn parts(&self, payload: &Value) -> Content {
        let fields = &self.settings.fields;
        Content {
            action: fields
                .action
                .as_ref()
                .and_then(|rule| rule.find_text(payload)),
            agent: fields
                .agent
                .as_ref()
                .and_then(|rule| rule.find_text(payload)),
            context: fields.context.as_ref().and_then(|rule| rule.find(payload)),
            title: text(payload, "title"),
            message: text(payload, "message"),
            expires_at: None,
        }
    }
}

fn read_resolved(payload: &Value) -> Result<Elsewhere, Malformed> {
    let first = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| text(payload, key))
            .map(|text| bounded(&text))
    };
    let person = |key: &str| {
        let person = payload.get(key)?;
        ["name", "email", "id"]
            .into_iter()
            .find_map(|key| text(person, key))
            .map(|text| bounded(&text))
    };
    Ok(Elsewhere {
        request: request_id(payload)?,
        event: "approval.resolved".to_owned(),
        delivery: None,
        content: None,
        outcome: reply::usual_outcome(payload),
        by: first(&["approver", "resolved_by", "by"]).or_else(|| {
            ["approver", "resolved_by", "by"]
                .into_iter()
                .find_map(person)
        }),
        reason: first(&["rationale", "reason"]),
    })
}

fn headers(credential: &Secret, task: &AnswerTask) -> Option<HeaderMap> {
    let mut authorization =
        HeaderValue::from_str(&format!("Bearer {}", credential.expose())).ok()?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, authorization);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let user_agent = HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    headers.insert(header::USER_AGENT, user_agent);
    if let Ok(key) = HeaderValue::from_str(&task.idempotency_key()) {
        headers.insert(HeaderName::from_static("idempotency-key"), key);
    }
    if let Some(trace) = task
        .traceparent
        .as_deref()
        .and_then(|trace| HeaderValue::from_str(trace).ok())
    {
        headers.insert(HeaderName::from_static("traceparent"), trace);
    }
    Some(headers)
}

fn request_id(payload: &Value) -> Result<RequestId, Malformed> {
    RequestId::parse(&required_text(payload, "approval_id")?).map_err(|reason| Malformed::Name {
        field: "approval_id",
        reason,
    })
}

fn required_text(payload: &Value, field: &'static str) -> Result<String, Malformed> {
    text(payload, field).ok_or(Malformed::Field {
        field,
        expected: "a string that is not empty",
    })
}

fn text(payload: &Value, key: &str) -> Option<String> {
    payload
        .get(key)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Only a plain `false`, or nothing at all, is a no.
fn rationale_required(payload: &Value) -> bool {
    payload
        .get("require_rationale")
        .is_some_and(|required| *required != Value::Bool(false))
}

fn bounded(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests;
