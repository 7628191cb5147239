//! A directory that logs people in, by OpenID Connect: the authorisation code flow with PKCE.

use crate::credential::Credential;

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
