//! What goes wrong, told twice: to the client as RFC 9457 `application/problem+json` with a stable code, and to our log
//! with its cause. This is the one place where an error becomes a status, and the one place where it is logged.
//!
//! What must hold: the client of a delivery learns no more of a failed verification than that it failed; no body, token
//! or secret path is logged or echoed.

mod code;
mod refusal;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

pub use code::Code;
pub use refusal::{Asker, of_refusal, of_store};

/// The header that names a request in the client's log and in ours.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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

    /// The sentence for the client.
    pub fn detail(&self) -> &str {
        &self.0.detail
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

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn after(mut self, seconds: u64) -> Self {
        (Arc::make_mut(&mut self.0).headers).insert(RETRY_AFTER, seconds.into());
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
    let mut written = problem.clone().into_bytes_for(&request_id);
    // For whoever writes it once more, as a page.
    written.extensions_mut().insert(problem);
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
