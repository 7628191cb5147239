//! What goes wrong, told twice: to the client as RFC 9457 `application/problem+json` with a stable code, and to our log
//! with its cause. This is the one place where an error becomes a status, and the one place where it is logged.
//!
//! What must hold: the client of a delivery learns no more of a failed verification than that it failed; no body, token
//! or secret path is logged or echoed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::flow::Refusal;
use crate::signature::Unverified;
use crate::store::StoreError;

/// The header that names a request in the client's log and in ours.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The stable word for what went wrong, with the status and title that always go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Who sent it is not proven.
    Unverified,
    /// Who sent it may not do this.
    Forbidden,
    /// It is not what is taken here.
    Malformed,
    /// It contradicts what is known.
    Conflict,
    /// The person saw something else than what stands now.
    Stale,
    /// The last word was said before.
    Closed,
    /// The body is over the limit.
    TooLarge,
    /// No source is at this path.
    UnknownSource,
    /// There is nothing at this path.
    NotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The client did not finish its request in time.
    Timeout,
    /// The idempotency key was used with other content.
    IdempotencyMismatch,
    /// A reason is required.
    ReasonRequired,
    /// The policies on disk are wrong; those before them still serve.
    PoliciesRefused,
    /// Too many requests.
    RateLimited,
    /// It cannot be done now; nothing was stored.
    Unavailable,
    /// We failed.
    Internal,
}

impl Code {
    /// All of them, for the documentation.
    pub const ALL: [Self; 17] = [
        Self::Unverified,
        Self::Forbidden,
        Self::Malformed,
        Self::Conflict,
        Self::Stale,
        Self::Closed,
        Self::TooLarge,
        Self::UnknownSource,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::IdempotencyMismatch,
        Self::ReasonRequired,
        Self::PoliciesRefused,
        Self::RateLimited,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// The status.
    pub fn status(self) -> StatusCode {
        self.facts().1
    }

    fn facts(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Unverified => (
                "unverified",
                StatusCode::UNAUTHORIZED,
                "The sender is not verified",
            ),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "Not allowed"),
            Self::Malformed => (
                "malformed",
                StatusCode::BAD_REQUEST,
                "The request cannot be read",
            ),
            Self::Conflict => (
                "conflict",
                StatusCode::CONFLICT,
                "It contradicts what is known",
            ),
            Self::Stale => (
                "stale",
                StatusCode::CONFLICT,
                "The case has changed since it was shown",
            ),
            Self::Closed => ("closed", StatusCode::CONFLICT, "The case is closed"),
            Self::TooLarge => (
                "too_large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
            ),
            Self::UnknownSource => (
                "unknown_source",
                StatusCode::NOT_FOUND,
                "There is no such source",
            ),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "The method is not allowed",
            ),
            Self::Timeout => (
                "timeout",
                StatusCode::REQUEST_TIMEOUT,
                "The request took too long to arrive",
            ),
            Self::IdempotencyMismatch => (
                "idempotency_mismatch",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used with other content",
            ),
            Self::ReasonRequired => (
                "reason_required",
                StatusCode::UNPROCESSABLE_ENTITY,
                "A reason is required",
            ),
            Self::PoliciesRefused => (
                "policies_refused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The policies on disk do not serve",
            ),
            Self::RateLimited => (
                "rate_limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
            ),
            Self::Unavailable => (
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available now",
            ),
            Self::Internal => (
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong here",
            ),
        }
    }
}

/// An answer that is an error. It becomes bytes in [`settle`], where it is also logged.
#[derive(Clone)]
pub struct Problem(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    code: Code,
    detail: String,
    extensions: Map<String, Value>,
    headers: HeaderMap,
    source: Option<String>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Problem {
    /// A problem with one sentence for the client, which must not hold a secret.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        match code {
            Code::Unavailable | Code::RateLimited => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // What is left of the request is on the wire and will not be read.
            Code::TooLarge | Code::Timeout => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Code::Unverified
            | Code::Forbidden
            | Code::Malformed
            | Code::Conflict
            | Code::Stale
            | Code::Closed
            | Code::UnknownSource
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::IdempotencyMismatch
            | Code::ReasonRequired
            | Code::PoliciesRefused
            | Code::Internal => {}
        }
        let (extensions, source, cause) = (Map::new(), None, None);
        Self(Arc::new(Parts {
            code,
            detail: detail.into(),
            extensions,
            headers,
            source,
            cause,
        }))
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// With a member beside the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        Arc::make_mut(&mut self.0)
            .extensions
            .insert(name.to_owned(), value);
        self
    }

    /// With a header that says how to prove who one is.
    #[must_use]
    pub fn challenging(mut self) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"countersign\"");
        Arc::make_mut(&mut self.0)
            .headers
            .insert(WWW_AUTHENTICATE, challenge);
        self
    }

    /// With the source it happened at, for the log.
    #[must_use]
    pub fn at(mut self, source: &str) -> Self {
        Arc::make_mut(&mut self.0).source = Some(source.to_owned());
        self
    }

    /// With its cause, for the log alone.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).cause = Some(Arc::new(cause));
        self
    }

    fn into_bytes_for(self, request_id: &str) -> Response {
        let Parts {
            code,
            detail,
            extensions,
            headers,
            ..
        } = Arc::unwrap_or_clone(self.0);
        let (word, status, title) = code.facts();
        let mut body = json!({
            "type": format!("urn:countersign:problem:{word}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "code": word,
            "request_id": request_id,
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(extensions);
        }
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().extend(headers);
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Ok(request_id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert(REQUEST_ID, request_id);
        }
        response
    }

    fn log(&self, request_id: &str, method: &Method, route: &str) {
        let Parts {
            code,
            source,
            cause,
            ..
        } = &*self.0;
        let status = code.status().as_u16();
        let cause = cause.as_deref().map(|cause| Chain(cause).to_string());
        let word = code.as_str();
        macro_rules! told {
            ($level:ident) => {
                tracing::$level!(
                    http.request_id = request_id,
                    http.method = %method,
                    http.route = route,
                    http.status = status,
                    problem.code = word,
                    source.name = source.as_deref(),
                    error = cause.as_deref(),
                    "request refused: {word}"
                )
            };
        }
        match code {
            Code::Internal | Code::Unavailable => told!(error),
            Code::NotFound | Code::MethodNotAllowed => told!(debug),
            Code::Unverified
            | Code::Forbidden
            | Code::Malformed
            | Code::Conflict
            | Code::Stale
            | Code::Closed
            | Code::TooLarge
            | Code::UnknownSource
            | Code::Timeout
            | Code::IdempotencyMismatch
            | Code::ReasonRequired
            | Code::PoliciesRefused
            | Code::RateLimited => told!(warn),
        }
    }
}

impl IntoResponse for Problem {
    /// A response that [`settle`] makes whole.
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Who is refused: the same thing has another name for a platform than for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// It delivers events.
    Platform,
    /// It asks at our own API.
    Agent,
}

/// What a refused delivery is told.
pub fn of_refusal(refusal: Refusal, asker: Asker) -> Problem {
    match refusal {
        Refusal::UnknownSource(_) => Problem::new(Code::UnknownSource, "there is no such source"),
        // Ours, not the sender's: a secret could not be read. What is wrong with it is for the log.
        Refusal::Unverified(Unverified::SecretUnusable { problem }) => {
            let detail = "the sender cannot be verified now; send it again later";
            Problem::new(Code::Unavailable, detail).because(Unusable(problem))
        }
        Refusal::Unverified(unverified) => {
            let problem =
                Problem::new(Code::Unverified, "the sender is not verified").because(unverified);
            match asker {
                Asker::Platform => problem,
                Asker::Agent => problem.challenging(),
            }
        }
        Refusal::Malformed(malformed) => Problem::new(Code::Malformed, malformed.to_string()),
        Refusal::Conflict(case) => {
            let code = match asker {
                Asker::Platform => Code::Conflict,
                Asker::Agent => Code::IdempotencyMismatch,
            };
            let detail = format!(
                "`{}` was received before with other content",
                case.asked.request
            );
            Problem::new(code, detail).with("case_id", case.asked.id.to_string().into())
        }
        Refusal::Unstored(error) => of_store(error),
    }
}

/// What a client is told when the store cannot.
pub fn of_store(error: StoreError) -> Problem {
    match error {
        StoreError::Cursor(_) => Problem::new(Code::Malformed, error.to_string()),
        StoreError::Unavailable(_) | StoreError::Open(_) | StoreError::Corrupt(_) => Problem::new(
            Code::Unavailable,
            "it cannot be stored or looked up now; try again",
        )
        .because(error),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a secret is not usable: {0}")]
struct Unusable(String);

/// Goes around every handler: a [`Problem`] that comes out is logged and written.
pub async fn settle(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let request_id = request.headers().get(REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let request_id = request_id
        .as_ref()
        .and_then(proper_id)
        .map_or_else(fresh_id, str::to_owned);
    problem.log(
        &request_id,
        &method,
        route.as_ref().map_or("none", MatchedPath::as_str),
    );
    let mut written = problem.into_bytes_for(&request_id);
    // What the framework knows better, such as `Allow`, stays.
    for (name, value) in response.headers() {
        if !written.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            written.headers_mut().insert(name.clone(), value.clone());
        }
    }
    written
}

/// The answer to a request whose handler panicked. The panic itself was reported where it happened.
pub fn after_panic() -> Response {
    let problem = Problem::new(
        Code::Internal,
        "the request could not be finished; what became of it is unknown",
    );
    let request_id = fresh_id();
    problem.log(&request_id, &Method::default(), "none");
    problem.into_bytes_for(&request_id)
}

/// The answer at a path where nothing is.
pub async fn nothing_here() -> Problem {
    Problem::new(Code::NotFound, "there is nothing at this path")
}

/// The answer at a path that takes other methods.
pub async fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "the path takes other methods; see `Allow`",
    )
}

/// An id that a client chose and that can stand in a log line.
fn proper_id(value: &HeaderValue) -> Option<&str> {
    let id = value.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!id.is_empty() && id.len() <= 128 && id.bytes().all(plain)).then_some(id)
}

fn fresh_id() -> String {
    format!("req_{}", uuid::Uuid::now_v7().simple())
}

/// An error with all its causes, in one line.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_word() {
        let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }

    #[tokio::test]
    async fn a_problem_is_written_as_rfc_9457_says() {
        let problem = Problem::new(Code::Unavailable, "try again").with("hint", json!("later"));
        let response = problem.into_bytes_for("req_1");
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers["content-type"], "application/problem+json");
        assert_eq!(parts.headers["retry-after"], "1");
        assert_eq!(parts.headers["x-request-id"], "req_1");
        let body = axum::body::to_bytes(body, 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
        {
          "type": "urn:countersign:problem:unavailable",
          "title": "Not available now",
          "status": 503,
          "detail": "try again",
          "code": "unavailable",
          "request_id": "req_1",
          "hint": "later"
        }
        "#);
    }

    #[test]
    fn a_request_id_that_could_forge_a_log_line_is_not_taken() {
        assert_eq!(
            proper_id(&HeaderValue::from_static("a-1.b_2")),
            Some("a-1.b_2")
        );
        assert_eq!(proper_id(&HeaderValue::from_static("a b")), None);
        assert_eq!(proper_id(&HeaderValue::from_static("")), None);
    }
}
