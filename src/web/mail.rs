//! The page behind the link in a mail, where its reader votes once.
//!
//! What must hold:
//! - looking changes nothing: whatever opens links in mails (scanners, previews, prefetch) decides nothing;
//! - the vote is that of whoever is known by the address that the mail went to, with what they may do at that moment, and
//!   on what the mail showed;
//! - a link is used once, when its vote counted, and not by a slip of the pen;
//! - the page shows no more than the mail did, but how the case ended.

mod form;
mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use cookie::{Cookie, SameSite};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use tokio_util::task::TaskTracker;

use super::body::{self, BodyLimits};
use super::operators::protect;
use super::{Route, finished, router_of};
use crate::domain::card::Card;
use crate::domain::case::{Case, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::person::Person;
use crate::flow::{Flow, VoteError};
use crate::identity::{Directory, Purpose, Seal};
use crate::json;
use crate::notify::MailLink;
use crate::notify::email::{ended, progress};
use crate::secret::Secret;
use crate::store::{Spent, StoreError};
use form::{BROWSER, Said, browser, fresh, is_same_origin, said};
use page::{Form, Notice};

/// A reason is small.
const BODY: BodyLimits = BodyLimits {
    bytes: 64 * 1024,
    timeout: Duration::from_secs(10),
};

/// What links in mails lead to.
pub struct MailLinks {
    flow: Arc<Flow>,
    directory: Arc<Directory>,
    seal: Seal,
    /// Where people reach us, with no `/` at its end.
    inbox: Arc<str>,
    /// One vote at a time, so that no link is used twice at once.
    turn: tokio::sync::Mutex<()>,
    under_way: TaskTracker,
}

/// A link that can be voted with, as far as that is known before the vote.
struct Ready {
    link: MailLink,
    person: Person,
    card: Card,
}

impl MailLinks {
    /// Links that were sealed with `seal`, for people whom `directory` knows.
    pub fn new(
        flow: Arc<Flow>,
        directory: Arc<Directory>,
        seal: Seal,
        inbox: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            flow,
            directory,
            seal,
            inbox: inbox.into(),
            turn: tokio::sync::Mutex::default(),
            under_way: TaskTracker::new(),
        }
    }

    /// The routes, for the listener of people.
    pub fn router(self: &Arc<Self>) -> Router {
        finished(router_of(routes()).with_state(Arc::clone(self)))
            .layer(axum::middleware::map_response(protect))
    }

    /// Returns when no vote is under way any more. Call it when the listener is closed.
    pub async fn finished(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// What can be voted on with the link `token` at `now`, or why nothing can.
    async fn ready(&self, token: &str, now: Timestamp) -> Result<Ready, Notice> {
        let Some(link) = MailLink::open(&self.seal, token, now) else {
            return Err(Notice::new(
                StatusCode::NOT_FOUND,
                "This link leads nowhere",
                "It is not one of ours, or it is long over. Open the case in the inbox.",
            ));
        };
        let spent = self.flow.store().spent(link.key()).await;
        let asked = self.flow.store().question_of(link.case).await;
        let (spent, asked) = (
            spent.map_err(|error| unavailable(&error))?,
            asked.map_err(|error| unavailable(&error))?,
        );
        let Some((case, input)) = asked else {
            return Err(Notice::new(
                StatusCode::NOT_FOUND,
                "There is no such case any more",
                "Nothing is left to decide.",
            ));
        };
        let input = input.and_then(|input| json::parse(input.as_bytes()).ok());
        let card = Card::of(&case, input.as_ref());
        if spent {
            let what =
                "You voted with this link; it works once. To change your mind, vote in the inbox.";
            let notice = Notice::new(StatusCode::CONFLICT, "This link was used before", what);
            return Err(notice.and(standing(&card)));
        }
        if card.ending.is_some() {
            return Err(closed(&card));
        }
        if link.deadline <= now {
            return Err(Notice::new(
                StatusCode::GONE,
                "The time is up",
                "This link ended with the time to answer.",
            ));
        }
        if case.shown() != link.digest {
            return Err(stale());
        }
        let Some(person) = self.directory.by_email(&link.address, now) else {
            return Err(Notice::new(
                StatusCode::FORBIDDEN,
                "You cannot vote here",
                "The address that this mail went to belongs to nobody who may vote.",
            ));
        };
        Ok(Ready { link, person, card })
    }

    /// The token of a form that is shown for `link` to `browser`.
    fn form(&self, link: &MailLink, browser: &str) -> Result<String, Notice> {
        let content = (&link.nonce, browser);
        let sealed = self
            .seal
            .seal(Purpose::MailForm, &content, link.read_until());
        sealed.map_err(|_| broken())
    }

    /// Whether `form` was shown for `link` to the browser that sends it.
    fn was_shown(&self, form: &str, link: &MailLink, browser: &str, now: Timestamp) -> bool {
        let content: Option<(String, String)> = self.seal.open(Purpose::MailForm, form, now);
        content.is_some_and(|(nonce, shown_to)| {
            Secret::new(nonce).matches(link.nonce.as_bytes())
                && Secret::new(shown_to).matches(browser.as_bytes())
        })
    }

    async fn vote(&self, token: &str, said: Said, browser: Option<String>) -> Response {
        let _turn = self.turn.lock().await;
        let now = self.flow.clock().now();
        let Ready { link, person, card } = match self.ready(token, now).await {
            Ok(ready) => ready,
            Err(notice) => return notice.into_page(),
        };
        let shown = browser
            .as_deref()
            .is_some_and(|browser| self.was_shown(&said.form, &link, browser, now));
        if !shown {
            return Notice::new(
                StatusCode::FORBIDDEN,
                "Nothing was decided",
                "This form was not shown to this browser. Open the link in the mail again; it takes a cookie.",
            )
            .into_page();
        }
        let Said { vote, reason, .. } = said;
        let voted = self
            .flow
            .vote(link.case, person, Via::Email, vote, reason, link.digest)
            .await;
        match voted {
            Ok(case) => match self.use_up(&link, now).await {
                Ok(()) => counted(vote, &case).into_page(),
                Err(notice) => notice.into_page(),
            },
            Err(VoteError::Refused(case, refused)) => {
                let notice = match refused {
                    Refused::Closed(_) => closed(&Card::of(&case, None)),
                    Refused::Stale => stale(),
                    Refused::NoReason => {
                        return self.again(&link, &card, browser.as_deref(), now).await;
                    }
                    Refused::OwnRequest
                    | Refused::NotAsked { .. }
                    | Refused::NotDecided
                    | Refused::Nothing => refused_as(&refused),
                };
                notice.into_page()
            }
            Err(VoteError::Unknown(_)) => Notice::new(
                StatusCode::NOT_FOUND,
                "There is no such case any more",
                "Nothing is left to decide.",
            )
            .into_page(),
            Err(VoteError::Unstored(error)) => unavailable(&error).into_page(),
        }
    }

    /// The form once more, for the reason that was left out.
    async fn again(
        &self,
        link: &MailLink,
        card: &Card,
        browser: Option<&str>,
        now: Timestamp,
    ) -> Response {
        let problem = Some("A reason is required here. Nothing was decided yet.");
        let page = self.page(link, card, browser, problem, now).await;
        page.unwrap_or_else(Notice::into_page)
    }

    async fn page(
        &self,
        link: &MailLink,
        card: &Card,
        browser: Option<&str>,
        problem: Option<&str>,
        now: Timestamp,
    ) -> Result<Response, Notice> {
        let browser = match browser {
            Some(browser) => browser.to_owned(),
            None => fresh().ok_or_else(broken)?,
        };
        let form = self.form(link, &browser)?;
        let freeze = self.flow.store().frozen().await;
        let freeze = freeze.map_err(|error| unavailable(&error))?;
        let left = link.read_until().duration_since(now);
        let cookie = Cookie::build((BROWSER, browser))
            .http_only(true)
            .secure(self.inbox.starts_with("https://"))
            .same_site(SameSite::Lax)
            .path("/mail")
            .max_age(cookie::time::Duration::seconds(left.as_secs()))
            .build();
        Ok(Form::of(card, &link.address, &form, problem, freeze.as_ref()).into_page(&cookie))
    }

    async fn use_up(&self, link: &MailLink, now: Timestamp) -> Result<(), Notice> {
        let store = self.flow.store();
        let spent = store.spend(link.key(), link.read_until(), now).await;
        // The vote counted either way, and another with this link is the same person's.
        let (Spent::Now | Spent::Before) = spent.map_err(|error| unavailable(&error))?;
        Ok(())
    }
}

/// Every route there is.
pub(super) fn routes() -> Vec<Route<Arc<MailLinks>>> {
    let route = |method: Method, handler: MethodRouter<Arc<MailLinks>>| Route {
        method,
        path: "/mail/{token}",
        handler,
    };
    vec![
        route(Method::GET, get(show)),
        route(Method::POST, post(vote)),
    ]
}

/// Shows what can be voted on; a `HEAD` comes here as well.
async fn show(
    State(links): State<Arc<MailLinks>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let now = links.flow.clock().now();
    let browser = browser(&headers);
    match links.ready(&token, now).await {
        Ok(Ready { link, card, .. }) => links
            .page(&link, &card, browser.as_deref(), None, now)
            .await
            .unwrap_or_else(Notice::into_page),
        Err(notice) => notice.into_page(),
    }
}

async fn vote(
    State(links): State<Arc<MailLinks>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let refused = |status, what: &str| Notice::new(status, "Nothing was decided", what).into_page();
    if !is_same_origin(&headers, &links.inbox) {
        let what = "Another site sent this form. Open the link in the mail itself.";
        return refused(StatusCode::FORBIDDEN, what);
    }
    let said = match body::read(request, BODY).await {
        Ok((_, body)) => said(&body),
        Err(_) => return refused(StatusCode::BAD_REQUEST, "The form did not arrive whole."),
    };
    let said = match said {
        Ok(said) => said,
        Err(what) => return refused(StatusCode::BAD_REQUEST, &what),
    };
    let (voting, browser) = (Arc::clone(&links), browser(&headers));
    // It goes on to its end though the browser hung up, so that the link is used up with its vote.
    let voted = links
        .under_way
        .spawn(async move { voting.vote(&token, said, browser).await });
    voted.await.unwrap_or_else(|_| broken().into_page())
}

/// How things stand, in a sentence.
fn standing(card: &Card) -> String {
    match &card.question {
        Some(question) => progress(question),
        None => ended(card.ending.as_ref()),
    }
}

fn counted(vote: Ballot, case: &Case) -> Notice {
    let what = match vote {
        Ballot::Approve => "You approved",
        Ballot::Reject => "You rejected",
    };
    Notice::new(StatusCode::OK, what, &standing(&Card::of(case, None)))
}

fn closed(card: &Card) -> Notice {
    let what = ended(card.ending.as_ref());
    Notice::new(StatusCode::CONFLICT, "This was decided before", &what)
}

fn stale() -> Notice {
    Notice::new(
        StatusCode::CONFLICT,
        "This has changed since the mail",
        "Who is asked, or what about, is not what the mail says any more. Use the newest mail, or the inbox.",
    )
}

fn refused_as(refused: &Refused) -> Notice {
    let status = match refused {
        Refused::OwnRequest | Refused::NotAsked { .. } => StatusCode::FORBIDDEN,
        Refused::Closed(_)
        | Refused::Stale
        | Refused::NotDecided
        | Refused::NoReason
        | Refused::Nothing => StatusCode::CONFLICT,
    };
    Notice::new(status, "Your vote does not count", &format!("{refused}."))
}

fn unavailable(error: &StoreError) -> Notice {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a link in a mail cannot be used now: {error}"
    );
    Notice::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not now",
        "It cannot be looked up or stored at the moment. Try the link again.",
    )
}

fn broken() -> Notice {
    Notice::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "We failed",
        "What became of it is unknown. Open the link again.",
    )
}
