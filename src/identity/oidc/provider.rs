//! Where the directory's doors are and what its keys are, as it says itself.

use std::sync::Arc;

use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use serde_json::Value;

use super::{FRESH, Oidc, OidcError, PATIENCE};
use crate::domain::rationale::{bounded, visible};
use crate::source::{NoResponse, Outgoing, Response, WebUrl};

/// The most that is read of any answer of the directory, in bytes.
const LARGEST: usize = 512 * 1024;

/// The directory, as it describes itself.
#[derive(Clone)]
pub(super) struct Provider {
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: WebUrl,
    pub(super) userinfo_endpoint: Option<WebUrl>,
    /// Whether it takes the client's secret in the header `Authorization`.
    pub(super) takes_basic: bool,
    pub(super) keys: Arc<CoreJsonWebKeySet>,
    pub(super) keys_at: Timestamp,
}

/// What came of looking for it.
#[derive(Default)]
pub(super) enum Found {
    #[default]
    Nothing,
    Known(Box<Provider>),
    Failed(String, Timestamp),
}

impl Found {
    /// What still counts at `now`.
    pub(super) fn still(&self, now: Timestamp) -> Option<Result<Provider, OidcError>> {
        match self {
            Self::Nothing => None,
            Self::Known(provider) => {
                let is_fresh = now.duration_since(provider.keys_at) < FRESH;
                is_fresh.then(|| Ok(Provider::clone(provider)))
            }
            Self::Failed(why, at) => {
                let is_fresh = now.duration_since(*at) < PATIENCE;
                is_fresh.then(|| Err(OidcError::Unavailable(why.clone())))
            }
        }
    }

    /// Remembers what came of looking at `now`.
    pub(super) fn note(&mut self, fresh: &Result<Provider, OidcError>, now: Timestamp) {
        *self = match fresh {
            Ok(provider) => Self::Known(Box::new(provider.clone())),
            Err(OidcError::Unavailable(why)) => Self::Failed(why.clone(), now),
            Err(error) => Self::Failed(error.to_string(), now),
        };
    }
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Asks the directory where its doors are, and for its keys.
pub(super) async fn discover(oidc: &Oidc, now: Timestamp) -> Result<Provider, OidcError> {
    let issuer = oidc.settings.issuer.as_str();
    let at = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let description = get(oidc, &door("issuer", &at, issuer)?, HeaderMap::new()).await?;
    let description: Description = serde_json::from_value(description)
        .map_err(|error| unusable(&format!("its description lacks something: {error}")))?;
    if description.issuer != issuer {
        return Err(unusable(&format!(
            "it calls itself `{}`, not `{issuer}`",
            bounded(&visible(&description.issuer), 200)
        )));
    }
    let authorization = description.authorization_endpoint;
    door("authorization_endpoint", &authorization, issuer)?;
    let userinfo = description.userinfo_endpoint;
    let userinfo = userinfo.map(|at| door("userinfo_endpoint", &at, issuer));
    let methods = description.token_endpoint_auth_methods_supported;
    let keys = door("jwks_uri", &description.jwks_uri, issuer)?;
    let keys = get(oidc, &keys, HeaderMap::new()).await?;
    let keys = serde_json::from_value(keys)
        .map_err(|error| unusable(&format!("its keys cannot be read: {error}")))?;
    Ok(Provider {
        authorization_endpoint: authorization,
        token_endpoint: door("token_endpoint", &description.token_endpoint, issuer)?,
        userinfo_endpoint: userinfo.transpose()?,
        takes_basic: methods
            .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
        keys: Arc::new(keys),
        keys_at: now,
    })
}

/// Whether nobody on the way can listen: it is encrypted, or does not leave this machine.
pub(super) fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_here(&uri),
        Some(_) | None => false,
    }
}

fn is_here(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An address that the directory names. A directory elsewhere cannot send us to what listens on this machine.
fn door(name: &str, url: &str, issuer: &str) -> Result<WebUrl, OidcError> {
    let local = |url: &str| url.parse::<Uri>().is_ok_and(|uri| is_here(&uri));
    let is_plain = !url.contains('#') && url.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = is_plain && is_safe(url) && (local(issuer) || !local(url));
    let url = WebUrl::parse(url).ok().filter(|_| fits);
    url.ok_or_else(|| unusable(&format!("its `{name}` is no address to go to")))
}

/// What the directory says at `to`.
pub(super) async fn get(oidc: &Oidc, to: &WebUrl, headers: HeaderMap) -> Result<Value, OidcError> {
    let response = send(oidc, Method::GET, to, headers, None).await?;
    if !response.status.is_success() {
        return Err(unusable(&format!("it answers {}", response.status)));
    }
    read(&response)
}

/// Sends one call to the directory.
pub(super) async fn send(
    oidc: &Oidc,
    method: Method,
    to: &WebUrl,
    mut headers: HeaderMap,
    body: Option<bytes::Bytes>,
) -> Result<Response, OidcError> {
    headers.insert(
        http::header::ACCEPT,
        http::HeaderValue::from_static("application/json"),
    );
    let outgoing = Outgoing {
        method,
        to: to.clone(),
        headers,
        body,
        largest: LARGEST,
    };
    (oidc.client.send(outgoing).await).map_err(|none| match none {
        NoResponse::Lost { error, .. } => unusable(&error),
        NoResponse::Refused(refused) => unusable(&refused.to_string()),
    })
}

/// The JSON in an answer.
pub(super) fn read(response: &Response) -> Result<Value, OidcError> {
    (response.strict_json()).map_err(|unreadable| unusable(&unreadable.to_string()))
}

pub(super) fn unusable(why: &str) -> OidcError {
    OidcError::Unavailable(why.to_owned())
}
