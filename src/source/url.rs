//! Addresses to call, as the config has them.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// A checked `http` or `https` address. Its text is shown without query, user or password.
#[derive(Clone, PartialEq, Eq)]
pub struct WebUrl(Url);

/// Why a text is no address to call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It cannot be read.
    #[error("it is not a URL; write it as `https://api.example.com`")]
    Unreadable,
    /// It is no web address.
    #[error("it must begin with `https://` or `http://`")]
    Scheme,
    /// A base cannot be extended after a query or fragment.
    #[error("it must not hold `?` or `#`")]
    Query,
}

impl WebUrl {
    /// Parses an address as the config has it.
    pub fn parse(raw: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(raw).map_err(|_| InvalidUrl::Unreadable)?;
        match url.scheme() {
            "http" | "https" => Ok(Self(url)),
            _ => Err(InvalidUrl::Scheme),
        }
    }

    /// The address of `path` under this base. `path` begins with `/`.
    pub(crate) fn under(&self, path: &str) -> Result<Self, InvalidUrl> {
        if self.0.query().is_some() || self.0.fragment().is_some() {
            return Err(InvalidUrl::Query);
        }
        Self::parse(&format!("{}{path}", self.0.as_str().trim_end_matches('/')))
    }

    pub(super) fn as_url(&self) -> &Url {
        &self.0
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let address = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Host and, where it is not the scheme's own, port.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebUrl({}://{}…)", self.0.scheme(), self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_and_shows_no_password() {
        assert_eq!(
            WebUrl::parse("api.example.com"),
            Err(InvalidUrl::Unreadable)
        );
        assert_eq!(WebUrl::parse("file:///etc/passwd"), Err(InvalidUrl::Scheme));
        let url =
            WebUrl::parse("https://user:hunter2@api.example.com:8443/base/?key=hunter2").unwrap();
        assert_eq!(format!("{url:?}"), "WebUrl(https://api.example.com:8443…)");
        assert_eq!(url.under("/v1"), Err(InvalidUrl::Query));
        let base = WebUrl::parse("https://api.example.com/base/").unwrap();
        assert_eq!(
            base.under("/v1/x").unwrap().0.as_str(),
            "https://api.example.com/base/v1/x"
        );
    }
}
