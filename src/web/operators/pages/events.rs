//! Tells open pages that something changed, and nothing of what: each asks again for what it may see.
//!
//! What must hold: a stream ends when its session does, when the service stops, and when nobody reads it; somebody who opens many
//! of them takes no more than a few, and the page that was opened last is live.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::id::CaseId;
use crate::web::operators::Operators;
use crate::web::operators::access::LoggedIn;
use crate::web::problem::{Code, Problem};
use crate::web::serve::Progress;

/// A browser has six connections to one site, and needs some for pages.
const MOST_OF_ONE_PERSON: usize = 4;
const MOST: usize = 500;
/// How often a client hears that we are there, and we look whether it may still be.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What happens in this time after an event is told in one.
const PAUSE: Duration = Duration::from_secs(1);

const CHANGED: &str = "event: cases\ndata: changed\n\n";
/// The client comes back after this many milliseconds.
const HELLO: &str = "retry: 3000\n\nevent: cases\ndata: changed\n\n";
const BEAT: &str = ": here\n\n";

/// The streams of each person, the oldest first.
#[derive(Debug, Clone, Default)]
pub(in crate::web::operators) struct Audience(Arc<Mutex<HashMap<String, VecDeque<Place>>>>);

/// A stream's place among those of its person.
#[derive(Debug)]
struct Place {
    number: u64,
    /// A later page took it.
    taken: CancellationToken,
}

/// What a stream has of its place, which is given back when this is dropped.
struct Seat {
    audience: Audience,
    name: String,
    number: u64,
    taken: CancellationToken,
}

/// One stream.
struct Stream {
    operators: Arc<Operators>,
    visitor: LoggedIn,
    changes: Receiver<CaseId>,
    /// No change is told before.
    quiet_until: Instant,
    change: Change,
    next_beat: Instant,
    progress: Option<Arc<Progress>>,
    greeted: Greeted,
    seat: Seat,
}

/// Whether there is a change to tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Known,
    None,
}

/// Whether the first words are said.
enum Greeted {
    Yes,
    No,
}

pub(super) async fn follow(
    visitor: LoggedIn,
    State(operators): State<Arc<Operators>>,
    progress: Option<Extension<Arc<Progress>>>,
) -> Result<Response, Problem> {
    if operators.readiness.is_draining() {
        return Err(Problem::new(Code::Unavailable, "the service is stopping"));
    }
    let seat = operators.audience.seat(&visitor.person.name)?;
    let now = Instant::now();
    let stream = Stream {
        changes: operators.flow.store().changes(),
        operators,
        visitor,
        quiet_until: now,
        change: Change::None,
        next_beat: now + HEARTBEAT,
        progress: progress.map(|Extension(progress)| progress),
        greeted: Greeted::No,
        seat,
    };
    let parts = futures_util::stream::unfold(stream, |mut stream| async move {
        let part = stream.next().await?;
        if let Some(progress) = &stream.progress {
            progress.goes_on();
        }
        Some((
            Ok::<_, Infallible>(Bytes::from_static(part.as_bytes())),
            stream,
        ))
    });
    let mut response = Body::from_stream(parts).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // A proxy in between passes it on at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

impl Stream {
    /// What is said next; nothing, when it is over.
    async fn next(&mut self) -> Option<&'static str> {
        // Something may have changed between the page and this: the page asks once more.
        if let Greeted::No = self.greeted {
            self.greeted = Greeted::Yes;
            self.quiet_until = Instant::now() + PAUSE;
            return Some(HELLO);
        }
        let now = self.operators.flow.clock().now();
        let session = Duration::try_from(self.visitor.until.duration_since(now));
        let over = Instant::now() + session.unwrap_or_default();
        let operators = Arc::clone(&self.operators);
        let part = loop {
            let is_known = self.change == Change::Known;
            tokio::select! {
                () = operators.readiness.drained() => return None,
                () = self.seat.taken.cancelled() => return None,
                () = tokio::time::sleep_until(over) => return None,
                () = tokio::time::sleep_until(self.next_beat) => {
                    self.next_beat = Instant::now() + HEARTBEAT;
                    break BEAT;
                }
                () = tokio::time::sleep_until(self.quiet_until), if is_known => {
                    // Who is told now sees all that changed until now.
                    self.changes = self.changes.resubscribe();
                    self.change = Change::None;
                    self.quiet_until = Instant::now() + PAUSE;
                    break CHANGED;
                }
                change = self.changes.recv(), if !is_known => match change {
                    // Those that were missed are changes too.
                    Ok(_) | Err(RecvError::Lagged(_)) => self.change = Change::Known,
                    Err(RecvError::Closed) => return None,
                },
            }
        };
        self.visitor.still(&operators).await.map(|_| part)
    }
}

impl Audience {
    /// A place for another stream of `name`; if they have as many as they may, the place of their oldest.
    fn seat(&self, name: &str) -> Result<Seat, Problem> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = seats.values().map(VecDeque::len).sum();
        let theirs = seats.get(name).map_or(0, VecDeque::len);
        if all >= MOST && theirs == 0 {
            let detail = "too many pages are open at once";
            return Err(Problem::new(Code::RateLimited, detail));
        }
        let places = seats.entry(name.to_owned()).or_default();
        let number = places.back().map_or(0, |last| last.number + 1);
        if all >= MOST || theirs >= MOST_OF_ONE_PERSON {
            // Its page comes back for another one.
            places.pop_front().inspect(|oldest| oldest.taken.cancel());
        }
        let taken = CancellationToken::new();
        places.push_back(Place {
            number,
            taken: taken.clone(),
        });
        Ok(Seat {
            audience: self.clone(),
            name: name.to_owned(),
            number,
            taken,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.taken.is_cancelled() {
            return;
        }
        let mut seats = self
            .audience
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(theirs) = seats.get_mut(&self.name) {
            theirs.retain(|place| place.number != self.number);
            if theirs.is_empty() {
                seats.remove(&self.name);
            }
        }
    }
}
