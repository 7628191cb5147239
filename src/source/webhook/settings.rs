//! What a webhook source is made of, as its config says it. Everything here is parsed: a name that is none, a pointer
//! that is none or a placeholder that does not exist was refused when the config was read.

use http::{HeaderName, Method};
use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::credential::Credential;
use crate::domain::id::SourceName;
use crate::json::Pointer;
use crate::signature::Verifier;
use crate::source::auth::Auth;
use crate::source::callback::CallbackHosts;
use crate::source::webhook::template::{BodyTemplate, TextTemplate, UrlTemplate};
use crate::source::{FieldRule, WebUrl};

/// One platform, described.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source's name.
    pub name: SourceName,
    /// The kind of the source, as policies see it: `webhook`, `agentwarden`.
    pub platform: &'static str,
    /// Where its API is; what `{api_url}` stands for.
    pub api_url: Option<WebUrl>,
    /// How deliveries are verified.
    pub verify: Verifier<Credential>,
    /// Which deliveries ask, and which tell an end. None: every delivery asks.
    pub events: Option<Events>,
    /// Where the parts of a request are.
    pub fields: Fields,
    /// Where the parts of an end are.
    pub resolved: ResolvedFields,
    /// Parts of the payload that may differ between two deliveries of one request.
    pub volatile: Vec<Pointer>,
    /// How the platform's own record is read back. None: a delivery is enough.
    pub confirm: Option<Confirm>,
    /// How pending requests are found whose webhook was lost.
    pub reconcile: Option<Reconcile>,
    /// How the platform is told. A source in dry-run needs none.
    pub answer: Option<Answering>,
    /// Where a request's own callback may go.
    pub callback_hosts: CallbackHosts,
    /// What an acknowledgement says beside our own words.
    pub acknowledge: Acknowledge,
    /// Where events are passed on to.
    pub forward_to: Option<WebUrl>,
}

/// How events are told apart.
#[derive(Debug, Clone)]
pub struct Events {
    /// Where the event's word is.
    pub at: Place,
    /// Words that ask.
    pub request: Vec<String>,
    /// Words that tell an end.
    pub resolved: Vec<String>,
    /// The delivery's own id, where there is one.
    pub id: Option<Place>,
}

/// A place in a delivery.
#[derive(Debug, Clone)]
pub enum Place {
    /// In the payload.
    Body(Pointer),
    /// In a header, which must come once. Few signatures cover headers: whoever can send a signed body again can then
    /// call it another event.
    Header(HeaderName),
}

/// Where the parts of a request are: in a payload, or in a record.
#[derive(Debug, Clone)]
pub struct Fields {
    /// What the platform calls it: a string or an integer.
    pub id: FieldRule,
    /// What the agent wants to do.
    pub action: Option<FieldRule>,
    /// Who wants to do it.
    pub agent: Option<FieldRule>,
    /// The facts of the ask.
    pub context: Option<FieldRule>,
    /// Free text.
    pub title: Option<FieldRule>,
    /// Free text.
    pub message: Option<FieldRule>,
    /// When it was asked.
    pub requested_at: Option<FieldRule>,
    /// After this no answer is taken.
    pub expires_at: Option<FieldRule>,
    /// Whether a rationale is insisted on: anything but a plain `false` is a yes.
    pub rationale_required: Option<FieldRule>,
    /// A capability that answers this one request. Where records are read back, a delivery that nobody signed brings none.
    pub token: Option<FieldRule>,
    /// An address that takes the answer to this one request.
    pub callback: Option<FieldRule>,
}

impl Fields {
    /// The id, and nothing else.
    pub fn of(id: FieldRule) -> Self {
        Self {
            id,
            action: None,
            agent: None,
            context: None,
            title: None,
            message: None,
            requested_at: None,
            expires_at: None,
            rationale_required: None,
            token: None,
            callback: None,
        }
    }
}

/// Where the parts of an event are that tells an end.
#[derive(Debug, Clone)]
pub struct ResolvedFields {
    /// The request; where a request has it, if this says nothing else.
    pub id: Option<FieldRule>,
    /// The platform's word; the last part of the event's word, if this says nothing else.
    pub outcome: Option<FieldRule>,
    /// Who decided.
    pub by: Option<FieldRule>,
    /// Why.
    pub reason: Option<FieldRule>,
}

/// Reading one record back.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Where it is.
    pub lookup: Lookup,
    /// How long it may take.
    pub within: SignedDuration,
}

/// Finding requests that nobody told us of.
#[derive(Debug, Clone)]
pub struct Reconcile {
    /// Where they are listed.
    pub lookup: Lookup,
    /// How often it is looked.
    pub every: SignedDuration,
}

/// Where the platform shows records.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The call.
    pub call: Call,
    /// The list in the response; none where the response is the one record.
    pub items: Option<Pointer>,
    /// The parts of a record.
    pub fields: Fields,
    /// Where a record says how it stands, and the words for pending.
    pub status: Option<Status>,
    /// How a long list is read.
    pub pages: Pages,
}

/// How a record stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// Where it says so.
    pub at: Pointer,
    /// The words that mean pending.
    pub pending: Vec<String>,
}

/// How a list is read to its end.
#[derive(Debug, Clone)]
pub enum Pages {
    /// It comes whole.
    One,
    /// By how many were read.
    Offset {
        /// How many at once.
        limit: u32,
        /// The query parameter for it.
        limit_parameter: String,
        /// The query parameter for how many were read.
        offset_parameter: String,
    },
    /// By what the page before names.
    Cursor {
        /// Where a page names the next one.
        next: Pointer,
        /// The query parameter for it.
        parameter: String,
    },
}

/// How the platform is told.
#[derive(Debug, Clone)]
pub struct Answering {
    /// Yes.
    pub approve: Call,
    /// No.
    pub reject: Call,
    /// What its statuses mean.
    pub statuses: Statuses,
    /// Where its response names the outcome it holds; the usual places, if this says nothing else.
    pub outcome: Option<Pointer>,
}

/// What statuses mean where the platform has its own way. A class that is given replaces the default of that class, but
/// for [`Statuses::retry`]: what a proxy in trouble answers stays worth another attempt, whatever else is.
#[derive(Debug, Clone, Default)]
pub struct Statuses {
    /// It took the answer.
    pub done: Option<Vec<u16>>,
    /// It had an answer before.
    pub already: Option<Vec<u16>>,
    /// It takes no answer any more.
    pub expired: Option<Vec<u16>>,
    /// It may work later.
    pub retry: Option<Vec<u16>>,
    /// It does not take our credential.
    pub alert: Option<Vec<u16>>,
}

/// One call to the platform.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: UrlTemplate,
    /// Headers beside those that authenticate.
    pub headers: Vec<(HeaderName, TextTemplate)>,
    /// The body, as JSON.
    pub body: Option<BodyTemplate>,
    /// How it is authenticated.
    pub auth: Option<Auth>,
}

/// What an acknowledgement of a request says beside our own words.
#[derive(Debug, Clone, Default)]
pub struct Acknowledge {
    /// Where we will answer.
    pub enforce: Option<Map<String, Value>>,
    /// Where we will not.
    pub dry_run: Option<Map<String, Value>>,
}
