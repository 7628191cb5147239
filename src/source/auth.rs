//! How our own calls to a platform are authenticated.

use http::HeaderName;
use http::header::AUTHORIZATION;
use jiff::SignedDuration;
use serde_json::Value;

use crate::credential::Credential;
use crate::json::Pointer;
use crate::signature::HmacScheme;
use crate::source::WebUrl;

/// What a call carries so that the platform knows us.
#[derive(Debug, Clone)]
pub enum Auth {
    /// `Authorization: Bearer`, with a credential of ours.
    Bearer(Credential),
    /// `Authorization: Bearer`, with the capability that came with the request.
    OwnToken,
    /// A header of its own.
    Header {
        /// The header.
        name: HeaderName,
        /// What it holds.
        value: Credential,
    },
    /// `Authorization: Basic`.
    Basic {
        /// The user, or the id of a key.
        user: String,
        /// The password, or the key.
        password: Credential,
    },
    /// Our signature over our body.
    Hmac(HmacScheme<Credential>),
    /// A bearer token that is logged in for.
    Login(Login),
}

/// How a token is logged in for.
#[derive(Debug, Clone)]
pub struct Login {
    /// Where.
    pub url: WebUrl,
    /// What is sent; a string that is exactly `{password}` is the password.
    pub body: Value,
    /// The password.
    pub password: Credential,
    /// Where the response holds the token.
    pub token: Pointer,
    /// How long a token lives that does not say so itself.
    pub lifetime: SignedDuration,
}

impl Auth {
    /// The headers that it adds to a call, with `***` where a secret stands. What a login or a signature gives is not
    /// known before.
    pub(super) fn outline(&self) -> Vec<(String, String)> {
        let one = |name: &HeaderName, value: &str| vec![(name.to_string(), value.to_owned())];
        match self {
            Self::Bearer(_) | Self::OwnToken | Self::Login(_) => one(&AUTHORIZATION, "Bearer ***"),
            Self::Header { name, .. } => one(name, "***"),
            Self::Basic { .. } => one(&AUTHORIZATION, "Basic ***"),
            Self::Hmac(scheme) => [
                (Some(&scheme.header), "***"),
                (scheme.timestamp_header.as_ref(), "(the time of sending)"),
                (scheme.id_header.as_ref(), "(the idempotency key)"),
            ]
            .into_iter()
            .filter_map(|(name, value)| Some((name?.to_string(), value.to_owned())))
            .collect(),
        }
    }
}
