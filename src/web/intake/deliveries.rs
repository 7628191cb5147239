//! Where platforms deliver their events.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::{ALLOW, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Intake;
use crate::domain::id::SourceName;
use crate::flow::Acknowledged;
use crate::secret::Secret;
use crate::signature::Delivery;
use crate::web::problem::{self, Asker, Code, Problem};
use crate::web::traceparent;

/// What a platform is told.
#[derive(Serialize)]
struct Acknowledgement {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<String>,
    /// What the platform itself reads, by the config.
    #[serde(flatten)]
    more: Map<String, Value>,
}

pub(super) async fn deliver(
    State(intake): State<Arc<Intake>>,
    request: Request,
) -> Result<Response, Problem> {
    let Some((source, path_secret)) = intake.addressed(request.uri().path()) else {
        return Err(Problem::new(
            Code::UnknownSource,
            "there is no source at this path",
        ));
    };
    let (parts, body, taken) = intake.admit(source, request).await?;
    let traceparent = traceparent::of(&parts.headers);
    let delivery = Delivery {
        headers: parts.headers,
        body,
        path_secret,
    };
    let acknowledged = intake
        .receive(source, delivery, traceparent, taken, Asker::Platform)
        .await?;
    let more = match &acknowledged {
        Acknowledged::Accepted(case) | Acknowledged::Duplicate(case) => {
            intake.flow.acknowledgement(case).cloned()
        }
        Acknowledged::Closed(_) | Acknowledged::Ignored => None,
    };
    let case_id = acknowledged.case().map(|case| case.asked.id.to_string());
    Ok(Json(Acknowledgement {
        status: acknowledged.status(),
        case_id,
        more: more.unwrap_or_default(),
    })
    .into_response())
}

/// A path that no route has: a source's own, or nothing.
pub(super) async fn at_own_path(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    if intake.addressed(request.uri().path()).is_none() {
        return problem::nothing_here().await.into_response();
    }
    if request.method() != Method::POST {
        let mut response = problem::method_not_allowed().await.into_response();
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    deliver(State(intake), request).await.into_response()
}

impl Intake {
    /// The source at `path`, with the last part of the path where that is one too many.
    fn addressed(&self, path: &str) -> Option<(&SourceName, Option<Secret>)> {
        if let Some(source) = self.paths.get(path) {
            return Some((source, None));
        }
        let (path, last) = path.rsplit_once('/')?;
        let source = self.paths.get(path)?;
        Some((source, Some(Secret::new(decoded(last)?))))
    }
}

/// A part of a path with its `%`-escapes read; nothing where they are wrong or no UTF-8.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let mut one = [0];
            hex::decode_to_slice(digits, &mut one).ok()?;
            bytes.extend(one);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_escapes_is_read_as_it_was_meant() {
        assert_eq!(decoded("a%2Fb%20c").as_deref(), Some("a/b c"));
        assert_eq!(decoded("plain").as_deref(), Some("plain"));
        assert_eq!(decoded("%2"), None);
        assert_eq!(decoded("%zz"), None);
        assert_eq!(decoded("%ff"), None);
    }
}
