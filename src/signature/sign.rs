//! The other side: headers with which a delivery passes. The demo's platform signs with this, and so does whoever tries
//! out a source by hand.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::check::ReadSecret;
use super::signed_text::InvalidScheme;
use super::{Check, PrivateKey, Verifier, standard};
use crate::secret::Secret;

/// What a sender adds to a body so that it passes.
pub struct Signed {
    /// Headers to send.
    pub headers: HeaderMap,
    /// What to put at the end of the path.
    pub path_secret: Option<Secret>,
}

/// Why a body could not be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// No secret can be used.
    #[error("the secret cannot be used: {0}")]
    Secret(String),
    /// Only the platform can sign: we have its public key.
    #[error("`ecdsa` is signed with the platform's private key, which nobody else has")]
    PrivateKey,
    /// The scheme makes no sense.
    #[error(transparent)]
    Scheme(InvalidScheme),
    /// The delivery id is empty, too long, or could be taken for another part of what is signed.
    #[error("the delivery id is empty, too long, or holds a separator of `signed`")]
    Id,
    /// A value would not arrive as it is, or would not be read.
    #[error("the header `{0}` cannot hold it: it is not plain ASCII, or has white space at an end")]
    Header(HeaderName),
}

impl<S> Verifier<S> {
    /// Signs `body` as the delivery `id` at `now`, with the first secret of each check, such that
    /// [`Verifier::verify`] accepts it.
    pub fn sign<E: std::fmt::Display>(
        &self,
        body: &[u8],
        id: &str,
        now: Timestamp,
        read: impl Fn(&S) -> Result<Secret, E>,
    ) -> Result<Signed, Unsignable> {
        self.sign_with(None, body, id, now, read)
    }

    /// The same with a private key for what only the platform signs. It passes where the public half is known.
    pub fn sign_with<E: std::fmt::Display>(
        &self,
        key: Option<&PrivateKey>,
        body: &[u8],
        id: &str,
        now: Timestamp,
        read: impl Fn(&S) -> Result<Secret, E>,
    ) -> Result<Signed, Unsignable> {
        let read = |secret: &S| read(secret).map_err(|error| error.to_string());
        let mut signed = Signed {
            headers: HeaderMap::new(),
            path_secret: None,
        };
        for check in &self.checks {
            check.sign(&mut signed, key, body, id, now, &read)?;
        }
        Ok(signed)
    }
}

impl<S> Check<S> {
    fn sign(
        &self,
        signed: &mut Signed,
        key: Option<&PrivateKey>,
        body: &[u8],
        id: &str,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<(), Unsignable> {
        let first = |secrets: &[S]| first(secrets.first(), read);
        match self {
            Self::Hmac(check) => {
                let headers = check
                    .0
                    .sign_outgoing(body, id, now, |secret| read(secret))?;
                signed.headers.extend(headers);
            }
            Self::Ecdsa(check) => {
                let key = key.ok_or(Unsignable::PrivateKey)?;
                signed.headers.extend(check.sign(key, body, id, now)?);
            }
            Self::StandardWebhooks { secrets, .. } => {
                let first = first(secrets)?;
                let headers = standard::sign_by_each(&[first], body, id, now)?;
                signed.headers.extend(headers);
            }
            Self::StaticHeader { name, secrets } => {
                let value = secret_value(name, first(secrets)?.expose())?;
                signed.headers.insert(name, value);
            }
            Self::SecretPath { secrets } => signed.path_secret = Some(first(secrets)?),
            Self::BearerToken { tokens } => {
                let token = self::first(tokens.first().map(|named| &named.token), read)?;
                let value = format!("Bearer {}", token.expose());
                let value = secret_value(&header::AUTHORIZATION, &value)?;
                signed.headers.insert(header::AUTHORIZATION, value);
            }
            Self::UserAgent { expected } => {
                let value = header_value(&header::USER_AGENT, expected)?;
                signed.headers.insert(header::USER_AGENT, value);
            }
        }
        Ok(())
    }
}

fn first<S>(secret: Option<&S>, read: &ReadSecret<'_, S>) -> Result<Secret, Unsignable> {
    let secret = secret.ok_or_else(|| Unsignable::Secret("there is none".to_owned()))?;
    let secret = read(secret).map_err(Unsignable::Secret)?;
    if secret.expose().is_empty() {
        return Err(Unsignable::Secret("it is empty".to_owned()));
    }
    Ok(secret)
}

/// `value` as the value of the header `name`, if it arrives as it is.
pub(super) fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(value)
        .ok()
        .filter(|sent| sent.to_str().is_ok() && value.trim() == value)
        .ok_or_else(|| Unsignable::Header(name.clone()))
}

/// The same for a secret: it prints as `Sensitive`.
fn secret_value(name: &HeaderName, value: &str) -> Result<HeaderValue, Unsignable> {
    let mut value = header_value(name, value)?;
    value.set_sensitive(true);
    Ok(value)
}
