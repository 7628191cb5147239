//! Walks the tree and turns values into types, noting every mistake on the way instead of stopping at the first.
//!
//! A reader method that finds a mistake notes it and returns `None`; the caller goes on with a default, which nobody
//! will see, since a config with a mistake is not loaded.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::code;
use super::environment::{self, Expanded};
use super::yaml::{Entry, Kind, Mistake, Node, Quoted};
use crate::credential::Credential;
use crate::diagnostic::{Diagnostic, Place, Severity, did_you_mean};

pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A secret or a public key, for the checks that need all of them.
pub(super) struct Noted {
    pub(super) holds: Holds,
    pub(super) credential: Credential,
    pub(super) span: Range<usize>,
}

/// What a credential is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holds {
    Secret,
    PublicKey,
}

pub(super) struct Reader<'a> {
    file: &'a str,
    text: Arc<str>,
    base: PathBuf,
    pub(super) environment: Environment<'a>,
    found: Vec<Mistake>,
    nowhere: Vec<Diagnostic>,
    /// Stretches of the text that hold secrets, blanked before a frame shows them.
    secrets: Vec<Range<usize>>,
    pub(super) credentials: Vec<Noted>,
    /// Every key that means something, for the test of the documentation.
    #[cfg(test)]
    pub(super) known: std::collections::BTreeSet<&'static str>,
}

/// A mapping that is being read key by key.
pub(super) struct Map<'n> {
    entries: &'n [Entry],
    pub(super) span: Range<usize>,
    known: Vec<&'static str>,
    /// A key of this mapping, and what belongs below it and is easily written beside it.
    pub(super) below: Option<(&'static str, &'static [&'static str])>,
}

impl<'n> Map<'n> {
    /// The value of `key`, which is known from here on. A key without a value is as good as none.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|value| !matches!(value.kind, Kind::Null))
    }

    /// The one key of a mapping that is a choice between kinds.
    pub(super) fn only_entry(&self) -> Option<&'n Entry> {
        match self.entries {
            [entry] => Some(entry),
            _ => None,
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        file: &'a str,
        text: &str,
        base: PathBuf,
        environment: Environment<'a>,
    ) -> Self {
        Self {
            file,
            text: text.into(),
            base,
            environment,
            found: Vec::new(),
            nowhere: Vec::new(),
            secrets: Vec::new(),
            credentials: Vec::new(),
            #[cfg(test)]
            known: std::collections::BTreeSet::new(),
        }
    }

    /// All mistakes in the order of the file, with secrets blanked. `Err` if one of them is an error.
    pub(super) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        self.found.sort_by_key(|(span, _)| span.start);
        let shown = super::blank::blank(&self.text, &self.secrets);
        let file = self.file;
        let placed = self.found.into_iter().map(|(span, diagnostic)| {
            // One line is enough to see what is meant.
            let line = shown
                .get(span.clone())
                .and_then(|marked| marked.find(['\n', '\r']));
            let end = line.map_or(span.end, |length| span.start + length);
            diagnostic.at(Place {
                file: file.to_owned(),
                text: Arc::clone(&shown),
                start: span.start,
                end,
            })
        });
        let all: Vec<_> = placed.chain(self.nowhere).collect();
        if all
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
        {
            Err(all)
        } else {
            Ok(all)
        }
    }

    pub(super) fn note(&mut self, span: &Range<usize>, diagnostic: Diagnostic) {
        self.found.push((span.clone(), diagnostic));
    }

    /// Notes a mistake about something that may be a default.
    pub(super) fn note_at(&mut self, span: Option<&Range<usize>>, diagnostic: Diagnostic) {
        match span {
            Some(span) => self.note(span, diagnostic),
            None => self.nowhere.push(diagnostic),
        }
    }

    pub(super) fn note_all(&mut self, mistakes: Vec<Mistake>) {
        self.found.extend(mistakes);
    }

    /// How many errors were noted until now.
    pub(super) fn errors(&self) -> usize {
        let noted = self.found.iter().map(|(_, diagnostic)| diagnostic);
        noted
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .count()
    }

    /// Keeps a stretch of the text out of every frame.
    pub(super) fn hide(&mut self, span: &Range<usize>) {
        self.secrets.push(span.clone());
    }

    pub(super) fn bad(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        self.note(span, Diagnostic::error(code::BAD_VALUE, message).help(help));
    }

    /// The value as it is written: with `${NAME}`, never with what stands behind it.
    pub(super) fn quote(&self, node: &Node) -> String {
        if self.secrets.contains(&node.span) {
            return "***".to_owned();
        }
        let written = self.text.get(node.span.clone()).unwrap_or_default();
        written
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(80)
            .collect()
    }

    /// Where `needle` stands in the value as it is written; all of the value where it does not stand there so.
    pub(super) fn within(&self, node: &Node, needle: &str) -> Range<usize> {
        let written = self.text.get(node.span.clone()).unwrap_or_default();
        written.find(needle).map_or_else(
            || node.span.clone(),
            |at| node.span.start + at..node.span.start + at + needle.len(),
        )
    }

    pub(super) fn map<'n>(&mut self, node: &'n Node, example: &str) -> Option<Map<'n>> {
        if let Kind::Mapping(entries) = &node.kind {
            return Some(Map {
                entries,
                span: node.span.clone(),
                known: Vec::new(),
                below: None,
            });
        }
        self.bad(
            &node.span,
            format!("a mapping is needed here, not {}", node.noun()),
            example,
        );
        None
    }

    /// Notes the keys of `map` that nobody took.
    pub(super) fn close(&mut self, map: &Map<'_>) {
        for entry in map.entries {
            if map.known.contains(&entry.key.as_str()) {
                continue;
            }
            if super::blank::names_a_secret(&entry.key) {
                self.hide(&entry.value.span);
            }
            let near = did_you_mean(&entry.key, map.known.iter().copied());
            let below = map
                .below
                .filter(|(_, keys)| keys.contains(&entry.key.as_str()));
            let help = match near {
                _ if let Some((section, _)) = below => {
                    self.hide(&entry.value.span);
                    format!("it belongs under `{section}:`")
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", listed(&map.known)),
            };
            let key = entry.key.chars().take(80).collect::<String>();
            let mistake = Diagnostic::error(code::UNKNOWN_KEY, format!("unknown key `{key}`"));
            self.note(&entry.key_span, mistake.help(help));
        }
        #[cfg(test)]
        self.known.extend(&map.known);
    }

    /// The value of a key that must be there; `help` says what to write.
    pub(super) fn required<'n>(
        &mut self,
        map: &mut Map<'n>,
        key: &'static str,
        help: &str,
    ) -> Option<&'n Node> {
        let found = map.take(key);
        if found.is_none() {
            self.missing(map, key, help);
        }
        found
    }

    pub(super) fn missing(&mut self, map: &Map<'_>, key: &str, help: &str) {
        let mistake = Diagnostic::error(code::MISSING_KEY, format!("`{key}` is missing"));
        self.note(&map.span.clone(), mistake.help(help));
    }

    pub(super) fn list<'n>(&mut self, node: &'n Node, example: &str) -> Option<&'n [Node]> {
        if let Kind::Sequence(items) = &node.kind {
            return Some(items);
        }
        self.bad(
            &node.span,
            format!("a list is needed here, not {}", node.noun()),
            example,
        );
        None
    }

    /// A plain value with the environment put in.
    pub(super) fn text(&mut self, node: &Node) -> Option<String> {
        let Kind::Scalar { text, .. } = &node.kind else {
            self.bad(
                &node.span,
                format!("a plain value is needed here, not {}", node.noun()),
                "write one word or a quoted text",
            );
            return None;
        };
        match environment::expand(text, self.environment) {
            Expanded::Text(text) => Some(text),
            Expanded::Unset(names) => {
                for name in names {
                    let mistake = Diagnostic::error(
                        code::ENVIRONMENT,
                        format!("the environment variable `{name}` is not set"),
                    )
                    .help("set it, or write `$${` where a plain `${` is meant");
                    self.note(&node.span, mistake);
                }
                None
            }
            Expanded::Malformed => {
                let mistake = Diagnostic::error(
                    code::ENVIRONMENT,
                    "this `${` is not the start of a `${NAME}`",
                )
                .help("a name is letters, digits and `_`; write `$${` where a plain `${` is meant");
                self.note(&node.span, mistake);
                None
            }
        }
    }

    /// A plain value that `parse` takes; `help` shows one.
    pub(super) fn parsed<T>(
        &mut self,
        node: &Node,
        what: &str,
        help: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(node)?;
        let value = parse(&text);
        if value.is_none() {
            let message = format!("`{}` is not {what}", self.quote(node));
            self.bad(&node.span, message, help);
        }
        value
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{}` is not one of {}", self.quote(node), listed(&known));
        let help = match did_you_mean(&text, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", listed(&known)),
        };
        self.bad(&node.span, message, &help);
        None
    }

    pub(super) fn number<T>(&mut self, node: &Node, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let help = format!(
            "write a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        );
        self.parsed(node, "a number that is allowed here", &help, |text| {
            text.parse().ok().filter(|number| bounds.contains(number))
        })
    }

    /// A path; a relative one starts at the folder of the config.
    pub(super) fn path(&mut self, node: &Node) -> Option<PathBuf> {
        let text = self.parsed(
            node,
            "a path",
            "write the path of a file or folder",
            |text| (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned()),
        )?;
        Some(self.resolve(&text))
    }

    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.base.join(path.strip_prefix("./").unwrap_or(path))
    }

    /// The value as JSON, with the environment put in.
    pub(super) fn json(&mut self, node: &Node) -> Option<serde_json::Value> {
        match &node.kind {
            Kind::Null => Some(serde_json::Value::Null),
            Kind::Scalar { text, quoted } => {
                let expanded = self.text(node)?;
                if *quoted == Quoted::No && *text == expanded {
                    if let Ok(number) = serde_json::from_str::<serde_json::Number>(text) {
                        return Some(number.into());
                    }
                    if let Ok(truth) = text.parse::<bool>() {
                        return Some(truth.into());
                    }
                }
                Some(expanded.into())
            }
            Kind::Sequence(items) => items.iter().map(|item| self.json(item)).collect(),
            Kind::Mapping(entries) => {
                let pairs = entries
                    .iter()
                    .map(|entry| Some((entry.key.clone(), self.json(&entry.value)?)));
                pairs
                    .collect::<Option<serde_json::Map<_, _>>>()
                    .map(Into::into)
            }
        }
    }
}

/// `` `a`, `b` or `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
