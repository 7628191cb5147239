//! Where Slack tells us of clicks on the cards.
//!
//! What must hold:
//! - nothing is done for a request that Slack did not sign, within five minutes of our clock, or that came before: what was
//!   done is spent, so that a copy of it does nothing, though it be signed anew;
//! - what Slack is told was counted is on disk: it has its answer when the vote is committed or refused. It waits three
//!   seconds, so after [`SlackSettings::patience`] it hears that nobody can say yet;
//! - the work goes on though Slack has its answer, or hangs up: it is done by a bounded number of tasks, and the end of the
//!   program waits for them;
//! - what a click is for is what we sealed when the card was made, on the card that we know, while its team is asked;
//! - who clicked is looked up at Slack and in our directory at every vote, and votes as everybody does;
//! - we call nobody but Slack's API: the `response_url` of a request is not used.

mod act;
mod say;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::act::{Heard, Outcome};
use self::say::{say_repeated, say_undecided, say_void};
use super::body::{self, BodyLimits};
use super::intake::Intake;
use super::problem::{self, Asker, Code, Problem};
use crate::credential::Credential;
use crate::domain::id::ContentDigest;
use crate::flow::{Flow, Refusal};
use crate::identity::{Directory, Seal};
use crate::notify::SlackSettings;
use crate::notify::slack::{Interaction, SlackApi, refused_form, undecided_form};
use crate::signature::{
    Algorithm, Check, DEFAULT_TOLERANCE, Delivery, Encoding, HmacScheme, InvalidScheme, SignedText,
    Verifier,
};
use crate::source::Client;
use crate::store::{Spent, StoreError};

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
        let until = Instant::now() + self.api.settings().patience;
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
        // Before anything is spent: whoever is told to try again must be able to.
        let place = Arc::clone(&self.free).try_acquire_owned().map_err(|full| {
            let detail = "too many clicks are worked on; try again";
            Problem::new(Code::Unavailable, detail).because(full)
        })?;
        let (told, answer) = oneshot::channel();
        let late = self.answer_to(&interaction, None);
        let interactions = Arc::clone(self);
        self.under_way.spawn(async move {
            let outcome = interactions.outcome(&interaction, &delivery.body, now);
            let outcome = outcome.await;
            let heard = match told.send(interactions.answer_to(&interaction, Some(&outcome))) {
                Ok(()) => Heard::InTime,
                Err(_) => Heard::TooLate,
            };
            interactions.follow(&interaction, outcome, heard).await;
            drop(place);
        });
        answered(answer, until, late).await
    }

    /// What becomes of `interaction`, which came as `body`.
    async fn outcome(&self, interaction: &Interaction, body: &[u8], now: Timestamp) -> Outcome {
        match self.spend(body, now).await {
            Ok(Spent::Now) => self.act(interaction).await,
            Ok(Spent::Before) => {
                tracing::warn!("a request of Slack's came twice; the second one does nothing");
                Outcome::Repeated
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "it could not be stored that a request of Slack's came: {error}"
                );
                Outcome::Unspent(problem::of_store(error))
            }
        }
    }

    /// What Slack is answered, now that it is known what became of `interaction`, or where it is not yet. An empty answer closes
    /// a form, so it is for those alone that count.
    fn answer_to(
        &self,
        interaction: &Interaction,
        outcome: Option<&Outcome>,
    ) -> Result<Response, Problem> {
        let done = || StatusCode::OK.into_response();
        if let Some(Outcome::Unspent(problem)) = outcome {
            return Err(problem.clone());
        }
        Ok(match interaction {
            Interaction::Submitted { choice, .. } => {
                let page = self.link(choice.case);
                match outcome {
                    Some(Outcome::Counted(_)) => done(),
                    Some(Outcome::Refused(said)) => Json(refused_form(said)).into_response(),
                    Some(Outcome::Repeated) => {
                        Json(undecided_form(&say_repeated(&page))).into_response()
                    }
                    Some(Outcome::AsksWhy(_) | Outcome::Unspent(_) | Outcome::Nothing) | None => {
                        Json(undecided_form(&say_undecided(&page))).into_response()
                    }
                }
            }
            Interaction::Void {
                place: None, case, ..
            } => Json(refused_form(&say_void(self.page(*case)))).into_response(),
            Interaction::Void { .. } | Interaction::Clicked { .. } | Interaction::Nothing => done(),
        })
    }

    /// Spends what was done, and neither the signature nor its moment: whoever can sign can sign the same again.
    /// Slack names each click in its body, so no two are the same.
    async fn spend(&self, body: &[u8], now: Timestamp) -> Result<Spent, StoreError> {
        let key = ContentDigest::of(&[b"a request of Slack's", body]);
        let until = now.saturating_add(KNOWN).unwrap_or(Timestamp::MAX);
        let store = self.flow.store();
        store.spend(key, until, now).await
    }
}

/// What comes of `answer` before `until`; else `late`, and whoever would have given it is told that nobody hears it.
async fn answered(
    mut answer: oneshot::Receiver<Result<Response, Problem>>,
    until: Instant,
    late: Result<Response, Problem>,
) -> Result<Response, Problem> {
    if let Ok(answered) = tokio::time::timeout_at(until, &mut answer).await {
        return answered.unwrap_or_else(|_panicked| Ok(problem::after_panic()));
    }
    answer.close();
    answer.try_recv().unwrap_or(late)
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
