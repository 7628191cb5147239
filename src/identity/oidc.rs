//! A directory that logs people in, by OpenID Connect: the authorisation code flow with PKCE.
//!
//! What must hold:
//! - who somebody is comes from an ID token that the directory's own key signed for us, for this one login, and that is
//!   not over; a token that is signed by a shared secret, or not at all, says nothing;
//! - what the directory says elsewhere counts only where it says it of the same subject;
//! - an e-mail address counts only where the directory says that it is verified;
//! - it is asked when somebody wants to log in, so that we start while it is down; one that is down is not asked again at
//!   once, and one that does not answer holds nobody up for longer than a call may take.

mod claims;
mod exchange;
mod provider;
mod token;

use jiff::{SignedDuration, Timestamp};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use provider::{Found, Provider};

use super::Proven;
use super::seal::Unsealable;
use super::session::random;
use crate::credential::Credential;
use crate::secret::Secret;
use crate::source::{Client, InvalidUrl, WebUrl};

/// After so long the directory is asked anew where its doors are and what its keys are.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// No sooner is it asked again after a failure, or for a key that it did not list.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// The directory, and what its claims mean.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// Its issuer, as its tokens name it.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we prove that with; a public client has none.
    pub client_secret: Option<Credential>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the name that votes go under.
    pub name_claim: String,
    /// The claim with the person's groups.
    pub groups_claim: String,
}

/// The directory, as we go there.
pub struct Oidc {
    settings: OidcSettings,
    issuer: WebUrl,
    client: Client,
    found: Mutex<Found>,
}

/// Somebody is at the directory to log in. It goes with their browser, sealed, so that nobody else can finish it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flow {
    state: String,
    nonce: String,
    verifier: String,
    /// Where the directory sends them back to.
    redirect: String,
}

/// Why the directory logs nobody in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It is not there, or does not say what it must.
    #[error("the directory cannot be used: {0}")]
    Unavailable(String),
    /// It refused.
    #[error("the directory refused: {0}")]
    Refused(String),
    /// Its token is not one to believe.
    #[error("the ID token is not valid: {0}")]
    Token(String),
    /// What it says does not say who somebody is.
    #[error("the directory does not say who somebody is: {0}")]
    Claims(String),
    /// What we prove ourselves with cannot be read.
    #[error("the client's secret cannot be read")]
    Secret(#[source] crate::credential::CredentialError),
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] Unsealable),
}

/// An issuer that nobody can be sent to.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIssuer {
    /// It is no URL.
    #[error("`operators.oidc.issuer` cannot be used")]
    Url(#[source] InvalidUrl),
    /// Whoever listens on the way could log in as anybody.
    #[error("`operators.oidc.issuer` must begin with `https://`, or be on this machine")]
    Open,
}

impl Oidc {
    /// The directory of `settings`, asked by `client`. It is not called yet.
    pub fn new(settings: OidcSettings, client: Client) -> Result<Self, InvalidIssuer> {
        let issuer = WebUrl::parse(&settings.issuer).map_err(InvalidIssuer::Url)?;
        if !provider::is_safe(&settings.issuer) {
            return Err(InvalidIssuer::Open);
        }
        Ok(Self {
            settings,
            issuer,
            client,
            found: Mutex::default(),
        })
    }

    /// The host that people know it by.
    pub fn host(&self) -> String {
        self.issuer.host()
    }

    /// Its name for itself.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The address to send somebody to, and what goes with them. The directory sends them back to `redirect`.
    pub async fn begin(
        &self,
        redirect: String,
        now: Timestamp,
    ) -> Result<(String, Flow), OidcError> {
        let provider = self.provider(now).await?;
        let flow = Flow {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            redirect,
        };
        let verifier = PkceCodeVerifier::new(flow.verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let scopes = std::iter::once("openid").chain(
            (self.settings.scopes.iter().map(String::as_str)).filter(|scope| *scope != "openid"),
        );
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &flow.redirect)
            .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
            .append_pair("state", &flow.state)
            .append_pair("nonce", &flow.nonce)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256")
            .finish();
        let door = &provider.authorization_endpoint;
        let mark = if door.contains('?') { '&' } else { '?' };
        Ok((format!("{door}{mark}{query}"), flow))
    }

    /// Who came back with `code` from where `flow` was begun.
    pub async fn finish(
        &self,
        flow: &Flow,
        code: &str,
        now: Timestamp,
    ) -> Result<Proven, OidcError> {
        let provider = self.provider(now).await?;
        let tokens = exchange::redeem(self, &provider, flow, code).await?;
        let claims = match token::claims(&tokens, &provider, &self.settings, &flow.nonce) {
            Err(token::Invalid::UnknownKey) => {
                let provider = self.provider_with_new_keys(&provider, now).await?;
                token::claims(&tokens, &provider, &self.settings, &flow.nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|invalid| OidcError::Token(invalid.to_string()))?;
        let more = if claims::are_enough(&claims, &self.settings) {
            None
        } else {
            exchange::userinfo(self, &provider, &tokens, &claims).await?
        };
        claims::proven(&claims, more.as_ref(), &self.settings)
    }

    /// The directory as it was found lately.
    async fn provider(&self, now: Timestamp) -> Result<Provider, OidcError> {
        let mut found = self.found.lock().await;
        if let Some(known) = found.still(now) {
            return known;
        }
        let fresh = provider::discover(self, now).await;
        found.note(&fresh, now);
        fresh
    }

    /// The directory with the keys that it has now, unless it was asked a moment ago.
    async fn provider_with_new_keys(
        &self,
        old: &Provider,
        now: Timestamp,
    ) -> Result<Provider, OidcError> {
        let mut found = self.found.lock().await;
        match found.still(now) {
            Some(Ok(known)) if known.keys_at > old.keys_at => return Ok(known),
            Some(Ok(known)) if now.duration_since(known.keys_at) < PATIENCE => return Ok(known),
            Some(Err(error)) => return Err(error),
            Some(Ok(_)) | None => {}
        }
        let fresh = provider::discover(self, now).await;
        found.note(&fresh, now);
        fresh
    }
}

impl Flow {
    /// Whether `state` is the one that the directory was given. The time taken tells nothing.
    pub fn is_answered_by(&self, state: &str) -> bool {
        Secret::new(self.state.clone()).matches(state.as_bytes())
    }

    /// What is remembered of it once somebody came back, so that they come back once.
    pub fn used(&self) -> crate::domain::id::ContentDigest {
        crate::domain::id::ContentDigest::of(&[b"oidc state", self.state.as_bytes()])
    }
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flow(redacted)")
    }
}

#[cfg(test)]
mod tests;
