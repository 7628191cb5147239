//! How our own calls to a platform are authenticated.

use http::HeaderName;
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
