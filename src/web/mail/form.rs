//! What a browser sends: its form, its cookie, and where it says that it was.

use cookie::Cookie;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

use crate::domain::effect::Ballot;
use crate::web::LONGEST_REASON;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What ties the form to the browser that it was shown in.
pub(super) const BROWSER: &str = "countersign-mail";

/// What a form says.
pub(super) struct Said {
    pub(super) vote: Ballot,
    pub(super) reason: Option<String>,
    pub(super) form: String,
}

/// Whether nothing says that another site sent this. A page without referrer has the origin `null` on its own form.
pub(super) fn is_same_origin(headers: &HeaderMap, inbox: &str) -> bool {
    let one = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(SEC_FETCH_SITE) {
        return one(SEC_FETCH_SITE) == Some("same-origin");
    }
    match headers.get(ORIGIN).map(|origin| origin.to_str()) {
        None | Some(Ok("null")) => true,
        Some(Err(_)) => false,
        Some(Ok(origin)) => {
            let host = one(HOST).map(str::to_owned);
            let named = origin.split_once("://").map(|(_, host)| host.to_owned());
            origin == inbox || (host.is_some() && named == host)
        }
    }
}

/// What the form says, each field once and nothing else.
pub(super) fn said(body: &[u8]) -> Result<Said, String> {
    let (mut vote, mut reason, mut form) = (None, None, None);
    for (name, value) in form_urlencoded::parse(body) {
        let field = match &*name {
            "vote" => &mut vote,
            "reason" => &mut reason,
            "form" => &mut form,
            _ => return Err("The form holds something that this page does not ask.".to_owned()),
        };
        if field.replace(value.into_owned()).is_some() {
            return Err("The form says one thing twice.".to_owned());
        }
    }
    let vote = match vote.as_deref() {
        Some("approve") => Ballot::Approve,
        Some("reject") => Ballot::Reject,
        Some(_) | None => return Err("The form says neither approve nor reject.".to_owned()),
    };
    let reason = reason
        .map(|reason: String| reason.trim().replace("\r\n", "\n"))
        .filter(|reason| !reason.is_empty());
    if (reason.as_deref()).is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(format!(
            "The reason is longer than {LONGEST_REASON} characters."
        ));
    }
    Ok(Said {
        vote,
        reason,
        form: form.unwrap_or_default(),
    })
}

/// What ties forms to this browser, if it was here before.
pub(super) fn browser(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter();
    let texts = cookies.filter_map(|value| value.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).flatten();
    let ours = cookies.find(|cookie| cookie.name() == BROWSER)?;
    let value = ours.value();
    let is_ours = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then(|| value.to_owned())
}

/// What ties forms to a browser that was not here before, if the system gives random bytes.
pub(super) fn fresh() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_each_thing_once_and_nothing_else() {
        let said = |body: &str| said(body.as_bytes()).map(|said| (said.vote, said.reason));
        let yes = Ok((Ballot::Approve, Some("it is\ndue".to_owned())));
        assert_eq!(said("form=x&vote=approve&reason=+it+is%0D%0Adue+"), yes);
        assert_eq!(said("vote=reject&reason="), Ok((Ballot::Reject, None)));
        let long = format!("vote=approve&reason={}", "x".repeat(LONGEST_REASON + 1));
        for wrong in [
            "",
            "vote=",
            "vote=Approve",
            "vote=approve&vote=reject",
            "vote=approve&reason=a&reason=b",
            "vote=approve&by=alice",
            "vote=approve;reason=x",
            long.as_str(),
        ] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cookie_that_is_not_ours_is_none() {
        let ours = "0123456789abcdef0123456789abcdef";
        let read = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, cookie.parse().unwrap());
            browser(&headers)
        };
        let named = format!("a=b; {BROWSER}={ours}");
        assert_eq!(read(&named).as_deref(), Some(ours));
        for other in ["", "a=b", "countersign-mail=", "countersign-mail=x\"y"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
