//! How far each client is with its request, so that one that keeps us waiting can be told from one that we keep waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The headers are awaited.
    Headers,
    /// The body is awaited.
    Body,
    /// A handler is at work.
    Work,
    /// The response is out, or on its way; the next request has not begun.
    Idle,
}

/// Where one connection is, and since when. The handler that reads the body says so here.
#[derive(Debug)]
pub(in crate::web) struct Progress {
    at: Mutex<(Phase, Instant)>,
    /// Whether the client may still be sending a body that nobody read.
    owes_body: AtomicBool,
    displaced: CancellationToken,
}

/// All connections of one listener.
#[derive(Default)]
pub(super) struct Lounge {
    next: AtomicU64,
    guests: Mutex<BTreeMap<u64, Arc<Progress>>>,
}

/// One connection's place among all; it is given back when this is dropped.
pub(super) struct Seat {
    lounge: Arc<Lounge>,
    number: u64,
    pub(super) progress: Arc<Progress>,
}

impl Progress {
    fn new() -> Self {
        Self {
            at: Mutex::new((Phase::Headers, Instant::now())),
            owes_body: AtomicBool::new(false),
            displaced: CancellationToken::new(),
        }
    }

    /// From here on the client is waited for.
    pub(in crate::web) fn awaits_body(&self) {
        self.enter(Phase::Body);
    }

    /// The client has given all it had to give.
    pub(in crate::web) fn has_body(&self) {
        self.owes_body.store(false, Ordering::Relaxed);
        self.enter(Phase::Work);
    }

    /// A part of an answer that goes on for long is on its way: the client is there as long as it takes them.
    pub(in crate::web) fn goes_on(&self) {
        self.enter(Phase::Idle);
    }

    /// A handler has the request and may ask for its body.
    pub(super) fn will_send_body(&self) {
        self.owes_body.store(true, Ordering::Relaxed);
        self.enter(Phase::Work);
    }

    pub(super) fn owes_body(&self) -> bool {
        self.owes_body.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now());
    }

    /// Bytes came in: between two requests they are the beginning of one.
    pub(super) fn heard(&self) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.0 == Phase::Idle {
            *at = (Phase::Headers, Instant::now());
        }
    }

    pub(super) fn now_at(&self) -> (Phase, Instant) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Lounge {
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(Progress::new());
        self.guests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, Arc::clone(&progress));
        Seat {
            lounge: Arc::clone(self),
            number,
            progress,
        }
    }

    /// Shows out whoever has kept us waiting longest for headers or a body, else whoever has been idle longest. Returns
    /// whether there was anybody.
    pub(super) fn displace_longest(&self) -> bool {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = guests
            .values()
            .filter(|progress| !progress.displaced.is_cancelled())
            .filter_map(|progress| match progress.now_at() {
                (Phase::Headers | Phase::Body, since) => Some(((0, since), progress)),
                (Phase::Idle, since) => Some(((1, since), progress)),
                (Phase::Work, _) => None,
            })
            .min_by_key(|(rank, _)| *rank);
        if let Some((_, progress)) = longest {
            progress.displaced.cancel();
        }
        longest.is_some()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.lounge
            .guests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
    }
}
