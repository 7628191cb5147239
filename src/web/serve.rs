//! Our own accept loop, since clients that never finish a request must not cost anybody else theirs.
//!
//! What must hold:
//! - a client has [`ConnectionLimits::header_timeout`] from its first byte (or from connecting) to the end of the
//!   headers, however it trickles them, and [`ConnectionLimits::idle_timeout`] between requests;
//! - at [`ConnectionLimits::connections`] a new client takes the place of the one that has kept us waiting longest; where
//!   all are being served, it waits in the backlog;
//! - a handler that panics costs its own request a `500`, not the connection and not the process;
//! - after `stop` no request is begun, those under way are finished within the grace, and no task is left behind.

mod connection;
mod progress;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use progress::Lounge;
pub(super) use progress::Progress;

/// A pause after an accept that failed for want of something that only time gives back, such as file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// What the clients of one listener may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many are connected at once, at least 1.
    pub connections: usize,
    /// How long the headers of one request may take.
    pub header_timeout: Duration,
    /// How long a connection may do nothing between two requests.
    pub idle_timeout: Duration,
    /// How long requests under way are waited for at the end.
    pub grace: Duration,
}

/// Who wants to know of connections as they come and go. Called on the path of requests: it must not wait.
pub trait ConnectionWatch: Send + Sync {
    /// A client was accepted.
    fn opened(&self);
    /// Its connection is gone.
    fn closed(&self, ending: Ending);
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Either side closed it between two requests.
    Finished,
    /// The client broke it off, or what it sent is no HTTP.
    Broken,
    /// The headers took too long.
    HeaderTimeout,
    /// Nothing came between two requests.
    IdleTimeout,
    /// It made place for another client.
    Displaced,
}

impl Ending {
    /// A short word for a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Broken => "broken",
            Self::HeaderTimeout => "header_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::Displaced => "displaced",
        }
    }
}

/// The other end of the connection that a request came by, as the socket has it: among the extensions of every request
/// that is served here. No header has a part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    fn of(address: SocketAddr) -> Self {
        // A listener for both kinds of addresses writes those of the old kind in the new way.
        Self(address.ip().to_canonical())
    }
}

/// Serves `router` to whoever connects, until `stop`. Returns when the last request is finished or the grace is over.
pub async fn serve(
    listener: TcpListener,
    router: axum::Router,
    limits: ConnectionLimits,
    watch: Arc<dyn ConnectionWatch>,
    stop: CancellationToken,
) {
    let lounge = Arc::new(Lounge::default());
    let host = Host {
        router,
        limits,
        watch,
        stop,
        lounge,
    };
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut waiting: Option<(TcpStream, Peer)> = None;
    loop {
        while tasks.try_join_next().is_some() {}
        if let Some((stream, peer)) = waiting.take() {
            if host.has_room(tasks.len()) {
                tasks.spawn(connection::run(host.clone(), stream, peer));
            } else {
                waiting = Some((stream, peer));
            }
        }
        tokio::select! {
            biased;
            () = host.stop.cancelled() => break,
            accepted = listener.accept(), if waiting.is_none() => match accepted {
                Ok((stream, peer)) => waiting = Some((stream, Peer::of(peer))),
                Err(error) => rest(&error).await,
            },
            _ = tasks.join_next(), if waiting.is_some() => {}
            // Somebody who is being served now may be the one to displace a moment later.
            () = tokio::time::sleep(BREATHER), if waiting.is_some() => {}
        }
    }
    drop(listener);
    let end = Instant::now() + host.limits.grace;
    while !tasks.is_empty() {
        if tokio::time::timeout_at(end, tasks.join_next())
            .await
            .is_err()
        {
            tracing::warn!(
                connections.open = tasks.len(),
                "requests were still under way when the grace was over"
            );
            tasks.shutdown().await;
        }
    }
}

/// What every connection of a listener shares.
#[derive(Clone)]
struct Host {
    router: axum::Router,
    limits: ConnectionLimits,
    watch: Arc<dyn ConnectionWatch>,
    stop: CancellationToken,
    lounge: Arc<Lounge>,
}

impl Host {
    /// Whether one more may come in while `inside` are connected; at the limit, because somebody is shown out for it.
    fn has_room(&self, inside: usize) -> bool {
        inside < self.limits.connections.max(1) || self.lounge.displace_longest()
    }
}

async fn rest(error: &std::io::Error) {
    // A client that hung up before it was accepted is no reason to rest.
    if error.kind() != std::io::ErrorKind::ConnectionAborted {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "a connection could not be accepted"
        );
        tokio::time::sleep(BREATHER).await;
    }
}

#[cfg(test)]
mod tests;
