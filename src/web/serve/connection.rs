//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::Response;
use futures_util::FutureExt as _;
use http::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::progress::{Phase, Progress};
use super::{ConnectionLimits, ConnectionWatch, Ending, Host, Peer};
use crate::web::problem;

/// The most that the request line and the headers may take together, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// How long is read and thrown away after the last response where the client may still be sending: closing on unread
/// bytes is a reset, which would destroy the response on its way.
const LINGER: Duration = Duration::from_secs(2);
const MOST_LINGERING_BYTES: u64 = 16 * 1024 * 1024;

pub(super) async fn run(host: Host, stream: TcpStream, peer: Peer) {
    let seat = host.lounge.seat();
    let mut presence = Presence::of(&host);
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Heard {
        stream,
        progress: Arc::clone(&seat.progress),
    });
    let service = Requests {
        router: host.router.clone(),
        progress: Arc::clone(&seat.progress),
        peer,
    };
    // The header deadline is ours (see `deadline`): hyper's would also run between two requests.
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(io, service);
    let ending = {
        let mut alarm = pin!(tokio::time::sleep(host.limits.header_timeout));
        let mut stopped = pin!(host.stop.cancelled());
        let mut displaced = pin!(seat.progress.displaced());
        let mut stopping = false;
        poll_fn(|context| {
            if !stopping && stopped.as_mut().poll(context).is_ready() {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if displaced.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ending::Displaced);
            }
            match connection.poll_without_shutdown(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ending::Finished),
                Poll::Ready(Err(_)) => return Poll::Ready(Ending::Broken),
                Poll::Pending => {}
            }
            loop {
                let (at, ending) = deadline(&seat.progress, host.limits);
                if at < alarm.deadline() {
                    alarm.as_mut().reset(at);
                }
                if alarm.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                if at <= Instant::now() {
                    return Poll::Ready(ending);
                }
                alarm.as_mut().reset(at);
            }
        })
        .await
    };
    presence.ending = ending;
    if ending == Ending::Finished && seat.progress.owes_body() {
        let stream = connection.into_parts().io.into_inner().stream;
        tokio::select! {
            () = linger(stream) => {}
            () = seat.progress.displaced() => {}
        }
    }
}

/// Tells whoever watches, also when the task is aborted.
struct Presence {
    watch: Arc<dyn ConnectionWatch>,
    ending: Ending,
}

impl Presence {
    fn of(host: &Host) -> Self {
        host.watch.opened();
        Self {
            watch: Arc::clone(&host.watch),
            ending: Ending::Broken,
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.watch.closed(self.ending);
    }
}

/// When the client's patience with us, or ours with it, is over, and how that is called. Work has deadlines of its own.
fn deadline(progress: &Progress, limits: ConnectionLimits) -> (Instant, Ending) {
    match progress.now_at() {
        (Phase::Headers, since) => (since + limits.header_timeout, Ending::HeaderTimeout),
        (Phase::Idle, since) => (since + limits.idle_timeout, Ending::IdleTimeout),
        (Phase::Body | Phase::Work, _) => {
            (Instant::now() + limits.idle_timeout, Ending::IdleTimeout)
        }
    }
}

async fn linger(mut stream: TcpStream) {
    let until_the_end = async {
        if stream.shutdown().await.is_ok() {
            let mut rest = (&mut stream).take(MOST_LINGERING_BYTES);
            let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
        }
    };
    let _ = tokio::time::timeout(LINGER, until_the_end).await;
}

/// Hands each request to the router.
struct Requests {
    router: axum::Router,
    progress: Arc<Progress>,
    peer: Peer,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if request.body().is_end_stream() {
            self.progress.has_body();
        } else {
            self.progress.will_send_body();
        }
        request.extensions_mut().insert(Arc::clone(&self.progress));
        request.extensions_mut().insert(self.peer);
        let progress = Arc::clone(&self.progress);
        let router = self.router.clone();
        Box::pin(async move {
            let answered = AssertUnwindSafe(router.oneshot(request.map(axum::body::Body::new)))
                .catch_unwind()
                .await;
            progress.enter(Phase::Idle);
            match answered {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(never)) => match never {},
                Err(_) => Ok(problem::after_panic()),
            }
        })
    }
}

/// Notes when the client sends something.
struct Heard {
    stream: TcpStream,
    progress: Arc<Progress>,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.heard();
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
