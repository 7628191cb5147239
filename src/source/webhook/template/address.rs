//! Addresses with placeholders.
//!
//! What must hold: whatever the values are, the host is the one that is written (or the one that a callback names), the
//! path has as many steps, and the query has the same keys.

use reqwest::Url;

use super::placeholder::HIDDEN;
use super::{InvalidTemplate, Part, Placeholder, Secrets, Unfilled, Values, parse_parts};
use crate::source::{WebUrl, percent};

/// The longest address that is called, in bytes. Servers refuse much longer ones.
const LONGEST_URL: usize = 8 * 1024;

/// An address with placeholders. Every value that goes into it is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    base: Base,
    // INVARIANT: together nothing, or begun by `/` or `?`.
    path: Vec<Part>,
    query: Option<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Base {
    ApiUrl,
    Callback,
    /// Scheme and authority as they are written, without a `/` at the end.
    Written(String),
}

/// An address that is ready to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source::webhook) enum Address {
    /// It leads where the config says.
    Ours(WebUrl),
    /// It leads where the request says; whoever calls it judges it first, as it is.
    Callback(String),
}

impl UrlTemplate {
    /// Parses an address as the config has it. `{{` and `}}` stand for braces.
    pub fn parse(raw: &str) -> Result<Self, InvalidTemplate> {
        if let Some(wrong) = raw.chars().find(|character| wrong_in_address(*character)) {
            return Err(InvalidTemplate::Character(wrong));
        }
        let mut parts = parse_parts(raw)?;
        let base = take_base(&mut parts)?;
        let (path, query) = at_question_mark(parts);
        for part in path.iter().chain(query.iter().flatten()) {
            if let Part::Value(placeholder) = part
                && let Some(name) = placeholder.address()
            {
                return Err(InvalidTemplate::NotAtBeginning(name));
            }
        }
        if fills_a_key(query.as_deref().unwrap_or_default()) {
            return Err(InvalidTemplate::InKey);
        }
        let template = Self { base, path, query };
        let sample = template.after_base(|_| Ok::<_, InvalidTemplate>("x".to_owned()))?;
        if has_dot_step(sample.split('?').next().unwrap_or_default()) {
            return Err(InvalidTemplate::DotStep);
        }
        if let Base::Written(origin) = &template.base
            && origin.contains('@')
        {
            return Err(InvalidTemplate::UserInfo);
        }
        let origin = match &template.base {
            Base::Written(origin) => origin.as_str(),
            Base::ApiUrl | Base::Callback => "https://api.example.com",
        };
        WebUrl::parse(&format!("{origin}{sample}"))?;
        Ok(template)
    }

    /// Every placeholder in it, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let base = match &self.base {
            Base::ApiUrl => Some(&Placeholder::ApiUrl),
            Base::Callback => Some(&Placeholder::Callback),
            Base::Written(_) => None,
        };
        base.into_iter().chain(
            self.path
                .iter()
                .chain(self.query.iter().flatten())
                .filter_map(Part::placeholder),
        )
    }

    /// Whether the query has `key`, as far as that is written and not filled in.
    pub(in crate::source::webhook) fn has_query_key(&self, key: &str) -> bool {
        let sample = self
            .after_base(|_| Ok::<_, Unfilled>("x".to_owned()))
            .unwrap_or_default();
        Url::parse(&format!("https://api.example.com{sample}"))
            .is_ok_and(|url| url.query_pairs().any(|(name, _)| name == key))
    }

    /// The address with `values` in it, and `more` at the end of its query.
    pub(in crate::source::webhook) fn fill(
        &self,
        values: &Values<'_>,
        more: &[(&str, String)],
    ) -> Result<Address, Unfilled> {
        let base = match &self.base {
            Base::Written(origin) => origin.clone(),
            Base::ApiUrl => api_url(values)?,
            Base::Callback => self.callback(values)?,
        };
        let mut url = base + &self.filled(values)?;
        for (key, value) in more {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&percent::encode(key));
            url.push('=');
            url.push_str(&percent::encode(value));
        }
        if url.len() > LONGEST_URL {
            return Err(Unfilled::TooLong(LONGEST_URL));
        }
        match self.base {
            Base::Written(_) | Base::ApiUrl => WebUrl::parse(&url)
                .map(Address::Ours)
                .map_err(|_| Unfilled::NoUrl),
            Base::Callback => Ok(Address::Callback(url)),
        }
    }

    /// The address as people may see it: [`Secrets::Hidden`] hides what a callback names beside its host.
    pub(in crate::source::webhook) fn show(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        let base = match &self.base {
            Base::Written(origin) => origin.clone(),
            Base::ApiUrl => without_user(&api_url(values)?)?,
            Base::Callback => {
                let callback =
                    Url::parse(&self.callback(values)?).map_err(|_| Unfilled::NoCallback)?;
                match values.secrets {
                    Secrets::Sent => callback.into(),
                    Secrets::Hidden => {
                        format!("{}/{HIDDEN}", callback.origin().ascii_serialization())
                    }
                }
            }
        };
        Ok(base + &self.filled(values)?)
    }

    fn filled(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        for placeholder in self.path.iter().filter_map(Part::placeholder) {
            // Some servers decode what stands between two slashes before they look for steps.
            if has_dot_step(&values.text(placeholder)?) {
                return Err(Unfilled::DotStep(placeholder.clone()));
            }
        }
        let filled = self.after_base(|placeholder| {
            let text = values.text(placeholder)?;
            if text.is_empty() {
                return Err(Unfilled::Missing(placeholder.clone()));
            }
            let hidden = values.secrets == Secrets::Hidden && *placeholder == Placeholder::Token;
            Ok(if hidden {
                text.into_owned()
            } else {
                percent::encode(&text)
            })
        })?;
        let path = filled.split('?').next().unwrap_or_default();
        match self.path.iter().find_map(Part::placeholder) {
            Some(placeholder) if has_dot_step(path) => Err(Unfilled::DotStep(placeholder.clone())),
            Some(_) | None => Ok(filled),
        }
    }

    fn after_base<E>(
        &self,
        mut value: impl FnMut(&Placeholder) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        let question_mark = self.query.is_some().then(|| Part::Literal("?".to_owned()));
        let parts = self
            .path
            .iter()
            .chain(question_mark.iter())
            .chain(self.query.iter().flatten());
        for part in parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(placeholder) => text.push_str(&value(placeholder)?),
            }
        }
        Ok(text)
    }

    fn callback(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        let callback = values
            .callback
            .ok_or(Unfilled::Missing(Placeholder::Callback))?;
        let callback = callback.expose();
        if self.path.is_empty() && self.query.is_none() {
            return Ok(callback.to_owned());
        }
        if callback.contains(['?', '#']) {
            return Err(Unfilled::NoCallback);
        }
        Ok(callback.trim_end_matches('/').to_owned())
    }
}

fn api_url(values: &Values<'_>) -> Result<String, Unfilled> {
    let url = values.api_url.ok_or(Unfilled::NoApiUrl)?;
    extensible(url).ok_or(Unfilled::NoUrl)
}

/// The address as the beginning of a longer one; none where it has a query or a fragment already.
fn extensible(url: &WebUrl) -> Option<String> {
    let url = url.as_url();
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn without_user(address: &str) -> Result<String, Unfilled> {
    let mut url = Url::parse(address).map_err(|_| Unfilled::NoUrl)?;
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Takes the beginning off: a placeholder that is an address, or scheme and host as they are written.
fn take_base(parts: &mut Vec<Part>) -> Result<Base, InvalidTemplate> {
    let is_only = parts.len() == 1;
    match parts.first_mut() {
        None => Err(InvalidTemplate::NoBase),
        Some(Part::Value(placeholder)) => {
            let (base, name) = match (&*placeholder, placeholder.address()) {
                (Placeholder::ApiUrl, Some(name)) => (Base::ApiUrl, name),
                (_, Some(name)) => (Base::Callback, name),
                (_, None) => return Err(InvalidTemplate::NoBase),
            };
            parts.remove(0);
            match parts.first() {
                None => Ok(base),
                Some(Part::Literal(next)) if next.starts_with(['/', '?']) => Ok(base),
                Some(Part::Literal(_) | Part::Value(_)) => Err(InvalidTemplate::Glued(name)),
            }
        }
        Some(Part::Literal(literal)) => {
            let (scheme, rest) = literal.split_once("://").ok_or(InvalidTemplate::NoBase)?;
            let Some(end) = rest.find(['/', '?']).or(is_only.then_some(rest.len())) else {
                return Err(InvalidTemplate::InHost);
            };
            let (authority, after) = rest.split_at(end);
            let origin = format!("{scheme}://{authority}");
            WebUrl::parse(&origin)?;
            *literal = after.to_owned();
            if literal.is_empty() {
                parts.remove(0);
            }
            Ok(Base::Written(origin))
        }
    }
}

/// Path and query, the `?` between them taken out.
fn at_question_mark(parts: Vec<Part>) -> (Vec<Part>, Option<Vec<Part>>) {
    let (mut path, mut query) = (Vec::new(), None);
    for part in parts {
        match (&mut query, part) {
            (Some(query), part) => Vec::push(query, part),
            (None, Part::Literal(literal)) => match literal.split_once('?') {
                None => path.push(Part::Literal(literal)),
                Some((before, after)) => {
                    let some =
                        |text: &str| (!text.is_empty()).then(|| Part::Literal(text.to_owned()));
                    path.extend(some(before));
                    query = Some(some(after).into_iter().collect());
                }
            },
            (None, value @ Part::Value(_)) => path.push(value),
        }
    }
    (path, query)
}

/// Whether a value stands before the `=` of its part of the query.
fn fills_a_key(query: &[Part]) -> bool {
    let mut in_key = true;
    query.iter().any(|part| match part {
        Part::Value(_) => in_key,
        Part::Literal(literal) => {
            let (last, begins_here) = match literal.rsplit_once('&') {
                Some((_, last)) => (last, true),
                None => (literal.as_str(), in_key),
            };
            in_key = begins_here && !last.contains('=');
            false
        }
    })
}

/// White space and `\` are read as something else by whoever reads an address; a fragment is never sent.
fn wrong_in_address(character: char) -> bool {
    character.is_whitespace() || character.is_control() || matches!(character, '\\' | '#')
}

/// Whether a step of the path is `.` or `..`, however often it was escaped.
fn has_dot_step(path: &str) -> bool {
    let mut decoded = path.to_owned();
    loop {
        let once = decode_once(&decoded);
        if once == decoded {
            break;
        }
        decoded = once;
    }
    decoded
        .split(['/', '\\'])
        .any(|step| step == "." || step == "..")
}

/// `text` with the escapes of `%`, `.`, `/` and `\` resolved.
fn decode_once(text: &str) -> String {
    let mut decoded = text.to_owned();
    for (escape, character) in [
        ("%25", "%"),
        ("%2e", "."),
        ("%2E", "."),
        ("%2f", "/"),
        ("%2F", "/"),
        ("%5c", "\\"),
        ("%5C", "\\"),
    ] {
        decoded = decoded.replace(escape, character);
    }
    decoded
}
