//! What people type to find cases: words, and `key:value` for what a case is known by. What is not understood is said,
//! never left out: a search with a typo must not look like a queue with nothing in it.

use crate::domain::case::Resolved;
use crate::domain::id::SourceName;
use crate::domain::rationale::{bounded, visible};
use crate::domain::verdict::{Cause, Outcome};
use crate::store::CaseQuery;

/// The longest search, in characters.
const LONGEST: usize = 500;
const KEYS: [&str; 8] = [
    "state", "team", "source", "agent", "action", "outcome", "cause", "by",
];
const STATES: [&str; 5] = ["open", "decided", "received", "answering", "resolved"];
const OUTCOMES: [&str; 7] = [
    "approve",
    "reject",
    "escalate",
    "approved",
    "rejected",
    "expired",
    "superseded",
];
const CAUSES: [&str; 6] = [
    "rule",
    "no_rule",
    "policy_error",
    "evidence",
    "frozen",
    "source",
];

/// One part of what was typed.
struct Term {
    /// What is before the colon, if there is one outside of quotes.
    key: Option<String>,
    text: String,
}

/// What `typed` asks for, or what is wrong with it, as a sentence for whoever typed it.
pub(super) fn read(typed: &str) -> Result<CaseQuery, String> {
    if typed.chars().count() > LONGEST {
        return Err(format!("A search has at most {LONGEST} characters."));
    }
    let mut query = CaseQuery::default();
    let mut words: Vec<String> = Vec::new();
    let mut given: Vec<String> = Vec::new();
    for Term { key, text } in terms(typed)? {
        let Some(key) = key else {
            words.push(text);
            continue;
        };
        let key = key.to_lowercase();
        if !KEYS.contains(&key.as_str()) {
            return Err(unknown(&key, &text));
        }
        if text.is_empty() {
            return Err(format!(
                "`{key}:` says nothing; write a value after the colon."
            ));
        }
        if given.contains(&key) {
            return Err(format!("`{key}:` is given twice; a case has one of each."));
        }
        fill(&mut query, &key, text)?;
        given.push(key);
    }
    query.text = (!words.is_empty()).then(|| words.join(" "));
    Ok(query)
}

fn fill(query: &mut CaseQuery, key: &str, text: String) -> Result<(), String> {
    let word = text.to_lowercase();
    match key {
        "state" => {
            if !STATES.contains(&word.as_str()) {
                return Err(not_a(key, &text, &STATES));
            }
            query.state = Some(word);
        }
        "outcome" => match (Outcome::parse(&word), Resolved::parse(&word)) {
            (Some(outcome), _) => query.outcome = Some(outcome),
            (None, Some(ending)) => query.ending = Some(ending),
            (None, None) => return Err(not_a(key, &text, &OUTCOMES)),
        },
        "cause" => {
            query.cause = Some(Cause::parse(&word).ok_or_else(|| not_a(key, &text, &CAUSES))?);
        }
        "source" => {
            let source = SourceName::parse(&text);
            query.source =
                Some(source.map_err(|error| format!("{}.", capital(&error.to_string())))?);
        }
        "team" => query.team = Some(text),
        "agent" => query.agent = Some(text),
        "action" => query.action = Some(text),
        _ => query.by = Some(text),
    }
    Ok(())
}

/// Splits at spaces that are not quoted.
fn terms(typed: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    let mut key: Option<String> = None;
    let (mut text, mut quoted, mut began) = (String::new(), false, false);
    for character in typed.chars() {
        match character {
            '"' => quoted = !quoted,
            ':' if !quoted && key.is_none() && is_key(&text) => {
                key = Some(std::mem::take(&mut text));
            }
            character if character.is_whitespace() && !quoted => {
                if began {
                    let text = std::mem::take(&mut text);
                    let key = key.take();
                    terms.push(Term { key, text });
                }
                began = false;
                continue;
            }
            character => text.push(character),
        }
        began = true;
    }
    if quoted {
        return Err("A quotation mark is not closed.".to_owned());
    }
    if began {
        terms.push(Term { key, text });
    }
    Ok(terms)
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphabetic() || c == '_' || c == '-')
}

fn unknown(key: &str, text: &str) -> String {
    let shown = bounded(&visible(key), 40);
    let near = near(key, &KEYS).map(|near| format!(" Did you mean `{near}:`?"));
    let whole = bounded(&visible(&format!("{key}:{text}")), 60);
    format!(
        "There is no `{shown}:` to search by.{} The keys are {}. To find the text itself, quote it: `\"{whole}\"`.",
        near.unwrap_or_default(),
        KEYS.join(", ")
    )
}

fn not_a(key: &str, text: &str, words: &[&str]) -> String {
    let shown = bounded(&visible(text), 40);
    let near = near(&text.to_lowercase(), words).map(|near| format!(" Did you mean `{near}`?"));
    format!(
        "`{shown}` is no `{key}`.{} It is one of {}.",
        near.unwrap_or_default(),
        words.join(", ")
    )
}

/// The word that was probably meant.
fn near<'w>(typed: &str, words: &[&'w str]) -> Option<&'w str> {
    let distance = |word: &&str| strsim::damerau_levenshtein(typed, word);
    let nearest = words.iter().copied().min_by_key(distance)?;
    (distance(&nearest) <= 2).then_some(nearest)
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_words_are_told_apart() {
        let query = read(r#"state:open  team:payments agent:"billing bot" big  refund by:Alice"#);
        let query = query.unwrap();
        assert_eq!(query.state.as_deref(), Some("open"));
        assert_eq!(query.team.as_deref(), Some("payments"));
        assert_eq!(query.agent.as_deref(), Some("billing bot"));
        assert_eq!(query.by.as_deref(), Some("Alice"));
        assert_eq!(query.text.as_deref(), Some("big refund"));
        assert_eq!(
            read("outcome:expired").unwrap().ending,
            Some(Resolved::Expired)
        );
        assert_eq!(
            read("outcome:approve").unwrap().outcome,
            Some(Outcome::Approve)
        );
        assert_eq!(
            read(r#""urn:x" 12:30"#).unwrap().text.as_deref(),
            Some("urn:x 12:30")
        );
        assert_eq!(read("action:a:b").unwrap().action.as_deref(), Some("a:b"));
    }

    #[test]
    fn what_is_not_understood_is_said_with_what_was_probably_meant() {
        let said = |typed: &str| read(typed).unwrap_err();
        insta::assert_snapshot!(said("taem:x"), @r#"There is no `taem:` to search by. Did you mean `team:`? The keys are state, team, source, agent, action, outcome, cause, by. To find the text itself, quote it: `"taem:x"`."#);
        insta::assert_snapshot!(said("state:opne"), @"`opne` is no `state`. Did you mean `open`? It is one of open, decided, received, answering, resolved.");
        insta::assert_snapshot!(said("by:a by:b"), @"`by:` is given twice; a case has one of each.");
        insta::assert_snapshot!(said("agent:"), @"`agent:` says nothing; write a value after the colon.");
        insta::assert_snapshot!(said("agent:\"x"), @"A quotation mark is not closed.");
        insta::assert_snapshot!(said("source:A"), @"`A` is not a source name; use 1 to 63 lower-case letters, digits, `-` or `_`.");
        assert!(said(&"x".repeat(501)).contains("500"));
    }

    #[test]
    fn every_word_that_is_offered_is_one() {
        for word in OUTCOMES {
            read(&format!("outcome:{word}")).unwrap();
        }
        for word in CAUSES {
            read(&format!("cause:{word}")).unwrap();
        }
    }
}
