//! What a call carries so that the platform knows us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::NoCall;
use crate::credential::Credential;
use crate::secret::Secret;
use crate::signature::{HmacScheme, Unsignable};
use crate::source::Reach;

/// Headers, and the secrets that are in them.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) secrets: Vec<Secret>,
}

impl Proof {
    /// A credential of ours as it is now, as a bearer token.
    pub(super) fn bearer(credential: &Credential) -> Result<Self, NoCall> {
        let secret = read(credential)?;
        Self::in_header(&header::AUTHORIZATION, &bearer(&secret), [secret]).ok_or_else(unsendable)
    }

    /// The capability that came with the request.
    pub(super) fn own_token(token: Option<&Secret>) -> Result<Self, NoCall> {
        let failed = |error: &str| NoCall::Failed {
            error: error.to_owned(),
        };
        let token =
            token.ok_or_else(|| failed("the request carried no token to answer it with"))?;
        Self::in_header(&header::AUTHORIZATION, &bearer(token), [token.clone()])
            .ok_or_else(|| failed("the request's token holds characters that no header can hold"))
    }

    /// A token that was logged in for.
    pub(super) fn login(token: &Secret) -> Result<Self, NoCall> {
        Self::in_header(&header::AUTHORIZATION, &bearer(token), [token.clone()]).ok_or_else(|| {
            NoCall::Alert {
                error: "the login gave a token with characters that no header can hold".to_owned(),
            }
        })
    }

    /// A credential of ours in a header of its own.
    pub(super) fn header(name: &HeaderName, credential: &Credential) -> Result<Self, NoCall> {
        let secret = read(credential)?;
        let value = secret.expose().to_owned();
        Self::in_header(name, &value, [secret]).ok_or_else(unsendable)
    }

    /// A user and a password.
    pub(super) fn basic(user: &str, password: &Credential) -> Result<Self, NoCall> {
        if user.contains(':') {
            return Err(NoCall::Alert {
                error: "the user of `basic` must not hold a colon".to_owned(),
            });
        }
        let password = read(password)?;
        let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
        let value = format!("Basic {pair}");
        Self::in_header(
            &header::AUTHORIZATION,
            &value,
            [password, Secret::new(pair)],
        )
        .ok_or_else(unsendable)
    }

    /// Our signature over `body`, which is sent as the delivery `id`.
    pub(super) fn hmac(
        scheme: &HmacScheme<Credential>,
        body: &[u8],
        id: &str,
        now: Timestamp,
    ) -> Result<Self, NoCall> {
        let signed = scheme.sign_outgoing(body, id, now, Credential::read);
        let headers = signed.map_err(|error| match error {
            Unsignable::Secret(_) => NoCall::Retry {
                after: None,
                error: format!("the answer cannot be signed: {error}"),
                reach: Reach::NotReached,
            },
            Unsignable::Scheme(_)
            | Unsignable::PrivateKey
            | Unsignable::Id
            | Unsignable::Header(_) => NoCall::Alert {
                error: format!("the answer cannot be signed: {error}"),
            },
        })?;
        Ok(Self {
            headers,
            secrets: Vec::new(),
        })
    }

    fn in_header(
        name: &HeaderName,
        value: &str,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self {
            headers: vec![(name.clone(), value)],
            secrets: secrets.into_iter().collect(),
        })
    }
}

/// The secret as it is now. One that cannot be read may be on its way: a file that is being rotated.
pub(super) fn read(credential: &Credential) -> Result<Secret, NoCall> {
    credential.read().map_err(|error| NoCall::Retry {
        after: None,
        error: format!("the credential cannot be read: {error}"),
        reach: Reach::NotReached,
    })
}

fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.expose())
}

fn unsendable() -> NoCall {
    NoCall::Alert {
        error: "the credential holds characters that no header can hold".to_owned(),
    }
}
