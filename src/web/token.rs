//! Who holds which bearer token. The name that a vote or a request goes under comes from here and from nowhere else.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::problem::{Code, Problem};
use crate::credential::Credential;
use crate::domain::id::ContentDigest;
use crate::secret::Secret;

/// Tokens with whom they belong to.
#[derive(Debug, Clone)]
pub struct Tokens<Holder>(Vec<(Credential, Holder)>);

impl<Holder> Tokens<Holder> {
    /// These tokens. Each is read at each use, so that a rotated file is seen.
    pub fn new(tokens: Vec<(Credential, Holder)>) -> Self {
        Self(tokens)
    }

    /// Whoever holds the bearer token in `headers`. All tokens are compared, in constant time, whichever matches.
    pub fn holder(&self, headers: &HeaderMap) -> Result<&Holder, Problem> {
        let presented =
            bearer(headers).ok_or_else(|| refused("give a token: `Authorization: Bearer …`"))?;
        self.of(presented).map(|(_, holder)| holder)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `fits` holds for a holder with their token as it is now.
    pub fn any(&self, fits: impl Fn(&Holder, &Secret) -> bool) -> bool {
        let held = |(credential, holder): &(Credential, Holder)| {
            (credential.read()).is_ok_and(|secret| fits(holder, &secret))
        };
        self.0.iter().any(held)
    }

    /// Whoever holds `presented`, and the token itself.
    pub(super) fn of(&self, presented: &[u8]) -> Result<(Secret, &Holder), Problem> {
        let mut found = None;
        let mut unreadable = None;
        for (credential, holder) in &self.0 {
            match credential.read() {
                Ok(secret) => {
                    if secret.matches(presented) {
                        found = Some((secret, holder));
                    }
                }
                Err(error) => unreadable = Some(error),
            }
        }
        found.ok_or_else(|| match unreadable {
            // It may be the token that could not be read: the fault is ours.
            Some(error) => {
                Problem::new(Code::Unavailable, "the token cannot be checked now").because(error)
            }
            None => refused("the token is not known"),
        })
    }
}

/// Whether `headers` hold a bearer token, or something that is meant to be one. Other ways to say who one is are not ours.
pub fn is_presented(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| {
        let scheme = value.as_bytes().get(..6);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    })
}

/// A digest of a token, for a session that was begun with it.
pub fn stamp(secret: &Secret) -> String {
    ContentDigest::of(&[b"stamp of a token", secret.expose().as_bytes()]).to_string()
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::Unverified, detail).challenging()
}

/// The one bearer token in `headers`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens<&'static str> {
        let credential = |text: &str| Credential::written(Secret::new(text)).unwrap();
        Tokens::new(vec![
            (credential("alice-token"), "alice"),
            (credential("bob-token"), "bob"),
        ])
    }

    fn holder(values: &[&'static str]) -> Result<&'static str, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, http::HeaderValue::from_static(value));
        }
        tokens()
            .holder(&headers)
            .copied()
            .map_err(|problem| problem.code())
    }

    #[test]
    fn a_token_names_its_holder() {
        assert_eq!(holder(&["Bearer bob-token"]), Ok("bob"));
        assert_eq!(holder(&["bearer  alice-token"]), Ok("alice"));
    }

    #[test]
    fn no_token_a_part_of_one_two_at_once_or_another_scheme_names_nobody() {
        for values in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer bob-toke"],
            &["Bearer bob-token2"],
            &["Basic bob-token"],
            &["Bearer bob-token", "Bearer alice-token"],
            &["Bearer bob-token,alice-token"],
        ] {
            assert_eq!(holder(values), Err(Code::Unverified), "{values:?}");
        }
    }

    #[test]
    fn a_token_file_that_is_gone_is_our_fault_and_not_the_clients() {
        let tokens = Tokens::new(vec![(Credential::in_file("/nonexistent/token"), ())]);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, http::HeaderValue::from_static("Bearer x"));
        assert_eq!(
            tokens.holder(&headers).unwrap_err().code(),
            Code::Unavailable
        );
    }
}
