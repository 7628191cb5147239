//! Where Slack tells us of clicks on the cards.
//!
//! What must hold:
//! - nothing is done for a request that Slack did not sign, within five minutes of our clock, or that came before: what was
//!   done is spent, so that a copy of it does nothing, though it be signed anew;
//! - Slack hears at once, since it waits three seconds; the work is done after, by a bounded number of tasks, and the end
//!   of the program waits for them;
//! - what a click is for is what we sealed when the card was made, on the card that we know, while its team is asked;
//! - who clicked is looked up at Slack and in our directory at every vote, and votes as everybody does;
//! - we call nobody but Slack's API: the `response_url` of a request is not used.

mod act;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::body::{self, BodyLimits};
use super::intake::Intake;
use super::problem::{self, Asker, Code, Problem};
use crate::credential::Credential;
use crate::domain::id::ContentDigest;
use crate::flow::{Flow, Refusal};
use crate::identity::{Directory, Seal};
use crate::notify::SlackSettings;
use crate::notify::slack::{Interaction, SlackApi, refused_form};
use crate::signature::{
    Algorithm, Check, DEFAULT_TOLERANCE, Delivery, Encoding, HmacScheme, InvalidScheme, SignedText,
    Verifier,
};
use crate::source::Client;
use crate::store::Spent;

/// What Slack sends holds the whole card that was clicked.
const BODY: BodyLimits = BodyLimits {
    bytes: 512 * 1024,
    timeout: Duration::from_secs(5),
};

/// How long a click is known, so that it does nothing when it comes again.
const KNOWN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The most clicks that are worked on at once.
const AT_ONCE: usize = 64;

const SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");

/// What takes clicks needs to know.
#[derive(Clone)]
pub struct SlackDesk {
    /// Who counts the votes.
    pub flow: Arc<Flow>,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// The app.
    pub settings: SlackSettings,
    /// The way to Slack.
    pub client: Client,
    /// What the buttons are sealed with.
    pub seal: Seal,
    /// Where the inbox is, as people reach it; no `/` at its end.
    pub inbox: Arc<str>,
}

/// Takes clicks.
pub struct Interactions {
    flow: Arc<Flow>,
    directory: Arc<Directory>,
    api: SlackApi,
    verifier: Verifier<Credential>,
    seal: Seal,
    inbox: Arc<str>,
    under_way: TaskTracker,
    free: Arc<Semaphore>,
}

impl Interactions {
    /// Whoever takes the clicks on the cards of one app.
    pub fn new(desk: SlackDesk) -> Result<Self, InvalidScheme> {
        let verifier = verifier(desk.settings.signing_secrets.clone())?;
        Ok(Self {
            flow: desk.flow,
            directory: desk.directory,
            api: SlackApi::new(desk.settings, desk.client),
            verifier,
            seal: desk.seal,
            inbox: desk.inbox,
            under_way: TaskTracker::new(),
            free: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Returns when no click is worked on any more. Call it when the listener is closed.
    pub async fn finished(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    async fn receive(self: &Arc<Self>, request: Request) -> Result<Response, Problem> {
        let (parts, body) = body::read(request, BODY).await?;
        let now = self.flow.clock().now();
        let delivery = Delivery {
            headers: parts.headers,
            body,
            path_secret: None,
        };
        let delivery = self
            .verifier
            .verify(delivery, now, Credential::read)
            .map_err(|why| problem::of_refusal(Refusal::Unverified(why), Asker::Platform))?
            .into_inner();
        let interaction = Interaction::read(&delivery.body, &self.seal, now)
            .map_err(|why| Problem::new(Code::Malformed, why.to_string()))?;
        let answer = self.answer_to(&interaction);
        // Before anything is spent: whoever is told to try again must be able to.
        let place = Arc::clone(&self.free).try_acquire_owned().map_err(|full| {
            let detail = "too many clicks are worked on; try again";
            Problem::new(Code::Unavailable, detail).because(full)
        })?;
        match self.spend(&delivery.body, now).await? {
            Spent::Before => {
                tracing::warn!("a request of Slack's came twice; the second one does nothing");
            }
            Spent::Now => {
                let interactions = Arc::clone(self);
                self.under_way.spawn(async move {
                    interactions.act(interaction).await;
                    drop(place);
                });
            }
        }
        Ok(answer)
    }

    /// What Slack is answered at once: that it was heard, or what to show on a form that counts for nothing. It would close
    /// otherwise, as if it had counted.
    fn answer_to(&self, interaction: &Interaction) -> Response {
        match interaction {
            Interaction::Void {
                place: None, case, ..
            } => Json(refused_form(&self.void(*case))).into_response(),
            Interaction::Void { .. }
            | Interaction::Clicked { .. }
            | Interaction::Submitted { .. }
            | Interaction::Nothing => StatusCode::OK.into_response(),
        }
    }

    /// Spends what was done, and neither the signature nor its moment: whoever can sign can sign the same again.
    /// Slack names each click in its body, so no two are the same.
    async fn spend(&self, body: &[u8], now: Timestamp) -> Result<Spent, Problem> {
        let key = ContentDigest::of(&[b"a request of Slack's", body]);
        let until = now.saturating_add(KNOWN).unwrap_or(Timestamp::MAX);
        let store = self.flow.store();
        store
            .spend(key, until, now)
            .await
            .map_err(problem::of_store)
    }
}

/// The route.
pub(super) async fn interact(
    State(intake): State<Arc<Intake>>,
    request: Request,
) -> Result<Response, Problem> {
    match intake.slack() {
        Some(interactions) => interactions.receive(request).await,
        None => Err(problem::nothing_here().await),
    }
}

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack>
fn verifier(secrets: Vec<Credential>) -> Result<Verifier<Credential>, InvalidScheme> {
    let scheme = HmacScheme {
        header: SIGNATURE,
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "v0=".to_owned(),
        signed: SignedText::parse("v0:{timestamp}:{body}")?,
        timestamp_header: Some(TIMESTAMP),
        id_header: None,
        tolerance: DEFAULT_TOLERANCE,
        secrets,
    };
    Ok(Verifier::new(vec![Check::Hmac(scheme.check()?)]))
}

#[cfg(test)]
mod tests;
