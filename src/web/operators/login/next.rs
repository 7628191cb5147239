//! Where somebody goes once they are logged in: to a page of ours, whatever the link said that led them here.

use std::fmt;

use axum::response::{IntoResponse as _, Redirect, Response};
use http::Uri;
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};

/// Where one goes who wanted nowhere.
const HOME: &str = "/cases";

/// No page of ours has a longer address.
const LONGEST: usize = 1024;

/// The path of a page of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Next(String);

impl Next {
    /// The page that `asked` names, if it is one of ours.
    pub(super) fn of(asked: Option<&str>) -> Self {
        let asked = asked.filter(|asked| is_ours(asked));
        Self(asked.unwrap_or(HOME).to_owned())
    }

    /// The page that the `next` in the query of `uri` names.
    pub(super) fn of_query(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let next = fields.find(|(name, _)| name == "next");
        Self::of(next.as_ref().map(|(_, next)| &**next))
    }

    /// The way there.
    pub(super) fn redirect(&self) -> Response {
        Redirect::to(&self.0).into_response()
    }

    /// As a value in a query.
    pub(super) fn in_query(&self) -> String {
        form_urlencoded::byte_serialize(self.0.as_bytes()).collect()
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Browsers take `//host` and `/\host` for another site, and drop tabs and line ends first.
fn is_ours(path: &str) -> bool {
    let is_plain = path.len() <= LONGEST && path.bytes().all(|byte| byte.is_ascii_graphic());
    let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let leads_back = path.starts_with("/login") || path.starts_with("/logout");
    is_plain && is_path && !leads_back && path.parse::<PathAndQuery>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_ours_comes_next() {
        for ours in ["/", "/cases/1?a=b%20c", "/policies#x", "/log?next=//evil"] {
            assert_eq!(Next::of(Some(ours)), Next(ours.to_owned()));
        }
        for other in [
            "",
            "cases",
            "//evil.example",
            "/\\evil.example",
            "/a\\b",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nset-cookie: a=b",
            "/ü",
            "/login?next=/login",
            "/logout",
        ] {
            assert_eq!(Next::of(Some(other)), Next(HOME.to_owned()), "{other}");
        }
        let uri = Uri::from_static("/login?next=%2F%2Fevil.example&next=/log");
        assert_eq!(Next::of_query(&uri), Next(HOME.to_owned()));
    }
}
