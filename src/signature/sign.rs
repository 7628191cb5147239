//! The other side: headers with which a delivery passes. The demo's platform signs with this, and so does whoever tries
//! out a source by hand.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::{Check, Verifier, standard};
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
    /// A value cannot stand in a header.
    #[error("the value of the header `{0}` holds characters that no header can hold")]
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
        let read = |first: Option<&S>| {
            let first = first.ok_or_else(|| Unsignable::Secret("there is none".to_owned()))?;
            read(first).map_err(|error| Unsignable::Secret(error.to_string()))
        };
        let timestamp = now.as_second().to_string();
        let mut signed = Signed {
            headers: HeaderMap::new(),
            path_secret: None,
        };
        for check in &self.checks {
            match check {
                Check::Hmac(check) => {
                    let mac = check
                        .mac(&read(check.0.secrets.first())?, body, &timestamp, id)
                        .map_err(Unsignable::Secret)?;
                    insert(
                        &mut signed.headers,
                        &check.0.header,
                        &check.encode(&mac.tag()),
                    )?;
                    if let Some(name) = &check.0.timestamp_header {
                        insert(&mut signed.headers, name, &timestamp)?;
                    }
                    if let Some(name) = &check.0.id_header {
                        insert(&mut signed.headers, name, id)?;
                    }
                }
                Check::StandardWebhooks { secrets, .. } => {
                    let mac = standard::mac(&read(secrets.first())?, body, &timestamp, id)
                        .map_err(Unsignable::Secret)?;
                    insert(
                        &mut signed.headers,
                        &standard::SIGNATURE,
                        &standard::encode(&mac.tag()),
                    )?;
                    insert(&mut signed.headers, &standard::TIMESTAMP, &timestamp)?;
                    insert(&mut signed.headers, &standard::ID, id)?;
                }
                Check::StaticHeader { name, secrets } => {
                    insert(&mut signed.headers, name, read(secrets.first())?.expose())?;
                }
                Check::SecretPath { secrets } => signed.path_secret = Some(read(secrets.first())?),
                Check::BearerToken { tokens } => {
                    let token = read(tokens.first().map(|named| &named.token))?;
                    insert(
                        &mut signed.headers,
                        &header::AUTHORIZATION,
                        &format!("Bearer {}", token.expose()),
                    )?;
                }
                Check::UserAgent { expected } => {
                    insert(&mut signed.headers, &header::USER_AGENT, expected)?;
                }
            }
        }
        Ok(signed)
    }
}

fn insert(headers: &mut HeaderMap, name: &HeaderName, value: &str) -> Result<(), Unsignable> {
    let value = HeaderValue::from_str(value).map_err(|_| Unsignable::Header(name.clone()))?;
    headers.insert(name, value);
    Ok(())
}
