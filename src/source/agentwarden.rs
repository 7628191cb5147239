//! AgentWarden: a webhook source with what is known, and what is assumed, of agentwarden.io filled in.
//!
//! Known from its public documentation:
//!
//! - "Webhooks": the envelope `{event, timestamp, data}`; the events `log.pending_approval`, `log.blocked`, `log.failed`,
//!   `approval.approved` and `approval.rejected`; the members of `data` of the first and of the last two. Nothing signs a
//!   delivery; the `User-Agent` is all that marks one, and proves nothing.
//! - "API reference, get-logs": `GET /api/logs` with `agent_id`, `action`, `status`, `limit` (100 at most) and `offset`
//!   answers an array of `{id, agent_id, organization_id, action, status, context, ip_address, created_at}`.
//! - "API reference, authentication": `POST /auth/login` with `email` and `password` answers an `access_token` that lives
//!   seven days.
//!
//! Assumed, and unverified on a live account; each of it can be said otherwise in the config:
//!
//! - The `id` of a `log.pending_approval` is the `approval_id` of the events that tell its end. The documentation's
//!   examples show the same one in both; its API reference shows ids of another form.
//! - A pending approval is listed by `GET /api/logs?status=pending`, under the same `id`, and its status reads `pending`
//!   or `pending_approval`: the documentation, the webhooks and the published client disagree on the word.
//! - `POST /api/approvals/{id}/approve` and `/reject` answer it, with a `reason`. No page documents a way to answer;
//!   this follows the style of the documented paths. Whether a reason is kept is unknown; we keep our own.
//! - A time without a zone is UTC.
//!
//! What must hold: as nothing proves a delivery, nothing is decided on what it says before the platform's own record was
//! read back.

use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::credential::Credential;
use crate::domain::id::SourceName;
use crate::json::{InvalidPointer, Pointer};
use crate::signature::Verifier;
use crate::source::auth::Login;
use crate::source::callback::CallbackHosts;
use crate::source::webhook::{
    Acknowledge, Answering, BodyTemplate, Call, Confirm, Events, Fields, InvalidTemplate, Lookup,
    Pages, Place, ResolvedFields, Settings, Status, Statuses, UrlTemplate,
};
use crate::source::{FieldRule, InvalidUrl, WebUrl};

/// Where the API is, unless the config says otherwise.
pub const API_URL: &str = "https://api.agentwarden.io";

/// How long a token lives that is logged in for.
pub const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the platform may take to list what it told us of.
pub const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// What the config need not say of an AgentWarden source, piece by piece. No call is authenticated yet.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Which deliveries ask, and which tell an end.
    pub events: Events,
    /// Where the parts of a request are.
    pub fields: Fields,
    /// Where the parts of an end are.
    pub resolved: ResolvedFields,
    /// What a delivery stamps anew.
    pub volatile: Vec<Pointer>,
    /// How one record is read back.
    pub confirm: Confirm,
    /// How all pending requests are listed, where the config asks for it.
    pub pending: Lookup,
    /// How the platform is told.
    pub answer: Answering,
}

/// A text of ours is not what it must be.
#[derive(Debug, thiserror::Error)]
#[error("the defaults of AgentWarden are broken: {0}")]
pub enum BrokenDefaults {
    /// A place in a payload.
    Pointer(#[from] InvalidPointer),
    /// An address or a body.
    Template(#[from] InvalidTemplate),
}

impl Defaults {
    /// All of it.
    pub fn new() -> Result<Self, BrokenDefaults> {
        let id = at("/data/id")?;
        Ok(Self {
            events: Events {
                at: Place::Body(Pointer::parse("/event")?),
                request: vec!["log.pending_approval".to_owned()],
                resolved: vec![
                    "approval.approved".to_owned(),
                    "approval.rejected".to_owned(),
                ],
                id: None,
            },
            fields: Fields {
                action: Some(at("/data/action")?),
                agent: Some(at("/data/agent_id")?),
                context: Some(at("/data/context")?),
                requested_at: Some(at("/data/created_at")?),
                expires_at: Some(at("/data/expires_at")?),
                ..Fields::of(id.clone())
            },
            resolved: ResolvedFields {
                id: Some(FieldRule::FirstOf(vec![at("/data/approval_id")?, id])),
                outcome: Some(at("/data/status")?),
                by: Some(at("/data/resolved_by")?),
                reason: None,
            },
            volatile: vec![
                Pointer::parse("/timestamp")?,
                Pointer::parse("/data/resolved_at")?,
            ],
            confirm: Confirm {
                lookup: lookup("{api_url}/api/logs?status=pending&agent_id={agent}")?,
                within: CONFIRMED_WITHIN,
            },
            pending: lookup("{api_url}/api/logs?status=pending")?,
            answer: Answering {
                approve: answer("{api_url}/api/approvals/{id}/approve")?,
                reject: answer("{api_url}/api/approvals/{id}/reject")?,
                statuses: Statuses::default(),
                outcome: None,
            },
        })
    }

    /// A source of all of it: read back, not reconciled, and answered without authentication until a call has its own.
    pub fn settings(
        self,
        name: SourceName,
        api_url: WebUrl,
        verify: Verifier<Credential>,
    ) -> Settings {
        Settings {
            name,
            platform: "agentwarden",
            api_url: Some(api_url),
            verify,
            events: Some(self.events),
            fields: self.fields,
            resolved: self.resolved,
            volatile: self.volatile,
            confirm: Some(self.confirm),
            reconcile: None,
            answer: Some(self.answer),
            callback_hosts: CallbackHosts::default(),
            acknowledge: Acknowledge::default(),
            forward_to: None,
        }
    }
}

/// How a user of the dashboard logs in for a token.
pub fn login(api_url: &WebUrl, email: &str, password: Credential) -> Result<Login, InvalidLogin> {
    Ok(Login {
        url: api_url.under("/auth/login")?,
        body: json!({"email": email, "password": "{password}"}),
        password,
        token: Pointer::parse("/access_token")?,
        lifetime: TOKEN_LIFETIME,
    })
}

/// Why there is no way to log in.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLogin {
    /// The API's address cannot be extended.
    #[error("`api_url` cannot be used: {0}")]
    ApiUrl(#[from] InvalidUrl),
    /// The place of the token is none.
    #[error("the place of the token is none: {0}")]
    Token(#[from] InvalidPointer),
}

fn at(pointer: &str) -> Result<FieldRule, InvalidPointer> {
    Pointer::parse(pointer).map(FieldRule::At)
}

fn lookup(url: &str) -> Result<Lookup, BrokenDefaults> {
    Ok(Lookup {
        call: Call {
            method: Method::GET,
            url: UrlTemplate::parse(url)?,
            headers: Vec::new(),
            body: None,
            auth: None,
        },
        items: Some(Pointer::parse("")?),
        fields: Fields {
            action: Some(at("/action")?),
            agent: Some(at("/agent_id")?),
            context: Some(at("/context")?),
            requested_at: Some(at("/created_at")?),
            ..Fields::of(at("/id")?)
        },
        status: Some(Status {
            at: Pointer::parse("/status")?,
            pending: vec!["pending".to_owned(), "pending_approval".to_owned()],
        }),
        pages: Pages::Offset {
            limit: 100,
            limit_parameter: "limit".to_owned(),
            offset_parameter: "offset".to_owned(),
        },
    })
}

fn answer(url: &str) -> Result<Call, BrokenDefaults> {
    Ok(Call {
        method: Method::POST,
        url: UrlTemplate::parse(url)?,
        headers: Vec::new(),
        body: Some(BodyTemplate::parse(&json!({"reason": "{rationale}"}))?),
        auth: None,
    })
}

#[cfg(test)]
mod tests;
