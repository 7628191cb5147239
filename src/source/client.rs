//! The way out: calls to platforms, within limits of time and size, and without ever following where they point.

mod response;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use reqwest::redirect::Policy;

use crate::clock::Clock;
use crate::source::callback::{CallbackUrl, RefusedCallback};
use crate::source::{AnswerResult, Reach, WebUrl};

pub(crate) use response::Response;
pub(super) use response::{Body, Class, Unreadable};

/// The most that is read of the response to an answer, an event or a login.
pub(super) const LARGEST_RESPONSE: usize = 64 * 1024;

/// The most that is read of a list of records.
pub(super) const LARGEST_LIST: usize = 8 * 1024 * 1024;

/// An HTTP client that keeps connections. Clones share them; make one for the program.
#[derive(Debug, Clone)]
pub struct Client {
    outward: reqwest::Client,
    // A proxy of the environment knows nothing of this machine's own loopback.
    loopback: reqwest::Client,
    timeouts: Timeouts,
}

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// For everything, from the first byte out to the last byte in.
    pub total: Duration,
}

impl Timeouts {
    /// `total` for everything, of which a part for the connection: who is there accepts it soon.
    pub fn within(total: Duration) -> Self {
        Self {
            connect: total.min(Duration::from_secs(3)),
            total,
        }
    }
}

/// The system's trust store could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS from the system's trust store")]
pub struct TlsUnavailable(#[source] pub(super) reqwest::Error);

/// One call as it is sent.
#[derive(Clone)]
pub(crate) struct Outgoing<To> {
    pub(crate) method: Method,
    pub(crate) to: To,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// The most that is read of the response, in bytes.
    pub(crate) largest: usize,
}

/// Where a call goes, and by whose word: an address that came with a request never passes for one of the config.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// The config says so.
    Configured(WebUrl),
    /// The request says so.
    Callback(CallbackUrl),
}

impl Client {
    /// A client with these limits, that trusts whom the system trusts.
    pub fn new(timeouts: Timeouts) -> Result<Self, TlsUnavailable> {
        Ok(Self {
            outward: limited(timeouts).build().map_err(TlsUnavailable)?,
            loopback: limited(timeouts)
                .no_proxy()
                .build()
                .map_err(TlsUnavailable)?,
            timeouts,
        })
    }

    /// How long the other side may take.
    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Posts `body` to `to`, once.
    pub(crate) async fn post(
        &self,
        to: &WebUrl,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, NoResponse> {
        self.send(Outgoing {
            method: Method::POST,
            to: to.clone(),
            headers,
            body: Some(body),
            largest: LARGEST_RESPONSE,
        })
        .await
    }

    /// Sends one call, once.
    pub(crate) async fn send(&self, outgoing: Outgoing<WebUrl>) -> Result<Response, NoResponse> {
        let client = if outgoing.to.is_loopback() {
            &self.loopback
        } else {
            &self.outward
        };
        exchange(client, self.timeouts, outgoing).await
    }
}

/// A client's limits, whatever else it is.
pub(super) fn limited(timeouts: Timeouts) -> reqwest::ClientBuilder {
    // Fails only when a provider is there already, which is as good.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .redirect(Policy::none())
}

/// Sends one call by `client`, and reads what comes back as far as its limit.
pub(super) async fn exchange(
    client: &reqwest::Client,
    timeouts: Timeouts,
    outgoing: Outgoing<WebUrl>,
) -> Result<Response, NoResponse> {
    let Outgoing {
        method,
        to,
        headers,
        body,
        largest,
    } = outgoing;
    // Some servers take no such call that does not say how long its body is.
    let may_have_a_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    let mut request = client.request(method, to.as_url().clone()).headers(headers);
    if let Some(body) = body {
        request = request.body(body);
    } else if may_have_a_body {
        request = request.header(header::CONTENT_LENGTH, 0);
    }
    let mut response = request
        .send()
        .await
        .map_err(|error| NoResponse::of(error, &to, timeouts))?;
    let mut body = Body::Whole(Vec::new());
    while let Body::Whole(bytes) = &mut body {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(chunk)) if bytes.len() + chunk.len() > largest => body = Body::TooLarge,
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Err(_) => body = Body::Cut,
        }
    }
    Ok(Response::new(
        to.host(),
        response.status(),
        response.headers(),
        body,
        Clock.now(),
    ))
}

/// Nothing came back.
#[derive(Debug)]
pub(crate) enum NoResponse {
    /// It was not to be had this time.
    Lost { error: String, reach: Reach },
    /// The address came with a request, and may not be called.
    Refused(RefusedCallback),
}

impl From<NoResponse> for AnswerResult {
    fn from(no_response: NoResponse) -> Self {
        match no_response {
            NoResponse::Lost { error, reach } => Self::Retry {
                after: None,
                error,
                reach,
            },
            NoResponse::Refused(refused) => Self::Failed {
                error: refused.to_string(),
            },
        }
    }
}

impl NoResponse {
    fn of(error: reqwest::Error, to: &WebUrl, timeouts: Timeouts) -> Self {
        if let Some(refused) = causes(&error).find_map(|cause| cause.downcast_ref()) {
            return Self::Refused(RefusedCallback::clone(refused));
        }
        let host = to.host();
        let (connect, timeout) = (error.is_connect(), error.is_timeout());
        let error = error.without_url();
        let cause = causes(&error)
            .last()
            .map_or_else(String::new, ToString::to_string);
        let (error, reach) = match (connect, timeout) {
            (true, true) => (
                format!("no connection to `{host}` within {:?}", timeouts.connect),
                Reach::NotReached,
            ),
            (true, false) => (
                format!("cannot connect to `{host}`: {cause}"),
                Reach::NotReached,
            ),
            (false, true) => (
                format!("no response from `{host}` within {:?}", timeouts.total),
                Reach::Unknown,
            ),
            (false, false) => (
                format!("the connection to `{host}` broke: {cause}"),
                Reach::Unknown,
            ),
        };
        Self::Lost { error, reach }
    }
}

/// The error and what caused it, down to the root.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
