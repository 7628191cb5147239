//! Where people reach us, and what follows from it: which pages are ours, and what our cookies are like.
//!
//! What must hold: a cookie is seen by no script and sent by no form of another site; where we are reached by `https` no
//! connection without it carries one, and no neighbour under the same domain can set one.

use cookie::{Cookie as Crumb, SameSite};
use http::header::{COOKIE, HOST, HeaderName, HeaderValue, ORIGIN};
use http::{HeaderMap, Uri, uri};
use jiff::SignedDuration;

use crate::web::problem::{Code, Problem};

/// What a browser says of where a request comes from. No script can set it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a browser says of why it asks, and for what. No script can set them.
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where people reach us.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// The scheme, host and port of the configured address, as a browser writes them.
    origin: Option<String>,
    secure: bool,
}

/// Why an address is none for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`operators.url` must be `https://` (or `http://`) and a host, with nothing after it, such as `https://countersign.example.com`"
)]
pub struct InvalidSite;

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::operators) enum Cookie {
    /// Somebody is logged in.
    Session,
    /// Somebody looks at the login page.
    LoginForm,
    /// Somebody is at the directory.
    Oidc,
    /// Somebody logged in with this browser before.
    Device,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "countersign",
            Self::LoginForm => "countersign-login",
            Self::Oidc => "countersign-oidc",
            Self::Device => "countersign-device",
        }
    }
}

impl Site {
    /// The site at `url`; without one, wherever a request says that it went to.
    pub fn at(url: Option<&str>) -> Result<Self, InvalidSite> {
        let Some(url) = url else {
            return Ok(Self::default());
        };
        let uri: Uri = url.parse().map_err(|_| InvalidSite)?;
        let has_nothing_after = uri.path() == "/" && uri.query().is_none();
        let authority = uri.authority().filter(|_| has_nothing_after);
        let authority = authority.ok_or(InvalidSite)?;
        if authority.as_str().contains('@') {
            return Err(InvalidSite);
        }
        let (secure, usual) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            Some(_) | None => return Err(InvalidSite),
        };
        let scheme = if secure { "https" } else { "http" };
        let host = authority.host().to_ascii_lowercase();
        let origin = match authority.port_u16() {
            Some(port) if port != usual => format!("{scheme}://{host}:{port}"),
            Some(_) | None => format!("{scheme}://{host}"),
        };
        Ok(Self {
            origin: Some(origin),
            secure,
        })
    }

    /// The beginning of every address of ours, for a request with `headers`.
    pub(in crate::web::operators) fn base(&self, headers: &HeaderMap) -> Option<String> {
        if let Some(origin) = &self.origin {
            return Some(origin.clone());
        }
        let host: uri::Authority = one(headers, &HOST)?.parse().ok()?;
        Some(format!("http://{}", host.as_str().to_ascii_lowercase()))
    }

    /// Refuses what no page of ours sent: a browser says so by `Sec-Fetch-Site`, an old one by `Origin` alone.
    pub(in crate::web::operators) fn sent_from_here(
        &self,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let site = Said::of(headers, &FETCH_SITE);
        let origin = Said::of(headers, &ORIGIN);
        let is_ours = match (&site, &origin) {
            // A page that says to nobody where it is has no origin either.
            (Said::One("same-origin"), Said::Nothing | Said::One("null")) => true,
            (Said::One("same-origin") | Said::Nothing, Said::One(origin)) => {
                self.is_ours(origin, headers)
            }
            (Said::Nothing, Said::Nothing)
            | (Said::One(_), Said::Nothing | Said::One(_))
            | (Said::Unclear, _)
            | (_, Said::Unclear) => false,
        };
        if is_ours {
            return Ok(());
        }
        let detail = match &self.origin {
            Some(origin) => format!("this was not sent from a page of `{origin}`"),
            None => "this was not sent from a page of ours".to_owned(),
        };
        Err(Problem::new(Code::Forbidden, detail))
    }

    /// The value of our cookie in `headers`. Two of one name are none: one of them is not from us.
    pub(in crate::web::operators) fn cookie(
        &self,
        headers: &HeaderMap,
        cookie: Cookie,
    ) -> Option<String> {
        let name = self.cookie_name(cookie);
        let sent = headers.get_all(COOKIE).iter();
        let sent = sent.filter_map(|value| value.to_str().ok());
        let crumbs = sent.flat_map(Crumb::split_parse).filter_map(Result::ok);
        let mut ours = crumbs.filter(|crumb| crumb.name() == name);
        let value = ours.next()?.value().to_owned();
        ours.next().is_none().then_some(value)
    }

    /// The header that sets our cookie.
    pub(in crate::web::operators) fn set(
        &self,
        cookie: Cookie,
        value: String,
        lifetime: SignedDuration,
    ) -> Option<HeaderValue> {
        let crumb = Crumb::build((self.cookie_name(cookie), value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .max_age(cookie::time::Duration::seconds(lifetime.as_secs()));
        HeaderValue::from_str(&crumb.build().to_string()).ok()
    }

    /// The header that takes our cookie away.
    pub(in crate::web::operators) fn unset(&self, cookie: Cookie) -> Option<HeaderValue> {
        self.set(cookie, String::new(), SignedDuration::ZERO)
    }

    fn cookie_name(&self, cookie: Cookie) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}{}", cookie.name())
    }

    fn is_ours(&self, origin: &str, headers: &HeaderMap) -> bool {
        if let Some(ours) = &self.origin {
            return origin == ours;
        }
        let Some((_, authority)) = origin.split_once("://") else {
            return false;
        };
        one(headers, &HOST).is_some_and(|host| host.eq_ignore_ascii_case(authority))
    }
}

/// Refuses what a browser loads as a part of a page, such as an image or a frame: nobody goes anywhere by that, and any page
/// can make it happen as often as it likes.
pub(in crate::web::operators) fn gone_to(headers: &HeaderMap) -> Result<(), Problem> {
    for (header, expected) in [(FETCH_MODE, "navigate"), (FETCH_DEST, "document")] {
        match Said::of(headers, &header) {
            Said::Nothing => {}
            Said::One(said) if said == expected => {}
            Said::One(_) | Said::Unclear => {
                let detail = "this is to be gone to, not to be loaded as a part of a page";
                return Err(Problem::new(Code::Forbidden, detail));
            }
        }
    }
    Ok(())
}

/// What a header says that may be given once.
enum Said<'h> {
    Nothing,
    One(&'h str),
    Unclear,
}

impl<'h> Said<'h> {
    fn of(headers: &'h HeaderMap, name: &HeaderName) -> Self {
        if !headers.contains_key(name) {
            return Self::Nothing;
        }
        one(headers, name).map_or(Self::Unclear, Self::One)
    }
}

/// The one value of a header.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
