//! The stable words for what can go wrong. They are a promise: words are added, never renamed.

use http::StatusCode;

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

    /// The title, for people.
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    pub(super) fn facts(self) -> (&'static str, StatusCode, &'static str) {
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
