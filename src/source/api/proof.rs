//! What a call carries so that the platform knows us.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::NoCall;
use crate::credential::Credential;
use crate::secret::Secret;
use crate::source::Reach;
use crate::source::auth::Auth;

/// Headers, and the secrets that are in them.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) secrets: Vec<Secret>,
}

impl Proof {
    /// The proof that `auth` asks for, over `body` where it is a signature.
    pub(super) fn of(
        auth: Option<&Auth>,
        own_token: Option<&Secret>,
        body: &[u8],
        id: &str,
        now: Timestamp,
    ) -> Result<Self, NoCall> {
        match auth {
            None => Ok(Self::default()),
            Some(Auth::Bearer(credential)) => {
                let secret = read(credential)?;
                Self::header(header::AUTHORIZATION, &bearer(&secret), [secret])
                    .ok_or_else(unsendable)
            }
            Some(Auth::OwnToken) => {
                let token = own_token.ok_or_else(|| NoCall::Failed {
                    error: "the request carried no token to answer it with".to_owned(),
                })?;
                Self::header(header::AUTHORIZATION, &bearer(token), [token.clone()]).ok_or_else(
                    || NoCall::Failed {
                        error: "the request's token holds characters that no header can hold"
                            .to_owned(),
                    },
                )
            }
            Some(Auth::Header { name, value }) => {
                let secret = read(value)?;
                let value = secret.expose().to_owned();
                Self::header(name.clone(), &value, [secret]).ok_or_else(unsendable)
            }
            Some(Auth::Basic { user, password }) => {
                if user.contains(':') {
                    let error = "the user of `basic` must not hold a colon".to_owned();
                    return Err(NoCall::Alert { error });
                }
                let password = read(password)?;
                let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
                let value = format!("Basic {pair}");
                Self::header(header::AUTHORIZATION, &value, [password, Secret::new(pair)])
                    .ok_or_else(unsendable)
            }
        }
    }

    /// The proof that a token is that was logged in for.
    pub(super) fn login(token: &Secret) -> Result<Self, NoCall> {
        Self::header(header::AUTHORIZATION, &bearer(token), [token.clone()]).ok_or_else(|| {
            NoCall::Alert {
                error: "the login gave a token with characters that no header can hold".to_owned(),
            }
        })
    }

    fn header(
        name: HeaderName,
        value: &str,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(Self {
            headers: vec![(name, value)],
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
