//! A reverse proxy that logs people in, and vouches for them with a header.

use ipnet::IpNet;

use crate::credential::Credential;

/// Whom we believe that somebody else logged in. The address and the secret must both be right.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Where the proxy connects from.
    pub addresses: Vec<IpNet>,
    /// The header with the secret that only the proxy knows.
    pub secret_header: http::HeaderName,
    /// That secret; several while one is being exchanged.
    pub secrets: Vec<Credential>,
    /// The header with the person's name.
    pub user_header: http::HeaderName,
    /// The header with their e-mail address, if the proxy vouches for it.
    pub email_header: Option<http::HeaderName>,
    /// The header with their groups, separated by commas.
    pub groups_header: Option<http::HeaderName>,
}
