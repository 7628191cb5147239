//! Why, in words: rendered from the verdict's own structure, never free text by a model.
//!
//! Three renderings of one structure: [`short`] for a platform's rationale field, [`full`] for people, and the verdict
//! itself as JSON. Text that came from an agent is shown with control and bidirectional characters made visible.

pub mod near;
mod people;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::domain::case::{Case, Resolution, Resolved, Resolver, State};
use crate::domain::verdict::{
    Cause, Condition, FiredRule, Outcome, PolicyFailure, RuleSet, Truth, Verdict,
};

pub use people::voters;
use people::{by_people, said};

/// Most facts that [`short`] names, and most rules that need one of them.
const MOST_NAMED: usize = 3;

/// Longer conditions do not push the values of the others to the right.
const WIDEST: usize = 64;

/// One or two sentences: the outcome, the rules behind it with their reasons, the revision. It says nothing of rules
/// that nearly matched, since that would teach an agent to split its requests.
pub fn short(verdict: &Verdict) -> String {
    let revision = verdict.revision.short();
    let text = match verdict.cause {
        Cause::Rule => {
            let done = match verdict.outcome {
                Outcome::Approve => "Approved",
                Outcome::Reject => "Rejected",
                Outcome::Escalate => "Left to a person",
            };
            format!("{done} by policy {revision}: {}.", reasons(verdict))
        }
        Cause::NoRule => format!("Left to a person: no rule of policy {revision} matched."),
        Cause::PolicyError => format!(
            "Left to a person: the policy {revision} failed{}.",
            first_failure(&verdict.failures)
        ),
        Cause::Evidence => format!(
            "Left to a person: policy {revision} could not rely on the request's facts{}.",
            missing(verdict)
        ),
        Cause::Frozen => {
            let by = verdict
                .freeze
                .as_ref()
                .map(|freeze| format!(" by {} ({})", freeze.by, freeze.reason))
                .unwrap_or_default();
            format!(
                "Left to a person: approvals are frozen{by}. Policy {revision} would have approved: {}.",
                reasons(verdict)
            )
        }
        Cause::Source => match &verdict.doubt {
            Some(doubt) => format!("Left to a person: {doubt}."),
            None => format!(
                "Left to a person: the platform could not be told in time (policy {revision})."
            ),
        },
    };
    visible(&text)
}

/// [`short`] of what stands: an approval that became a question to a person does not read as one.
pub fn standing(case: &Case) -> String {
    let said = short(&case.verdict);
    if let State::Received(_) = case.state {
        return "Not decided yet: the platform is asked for its own record of the request."
            .to_owned();
    }
    let because = match &case.state {
        State::Open(question) => question.because.as_deref(),
        State::Received(_) | State::Answering(_) | State::Resolved(_) => None,
    };
    match (because, case.cause, case.verdict.cause) {
        (Some(because), _, Cause::Source) => format!("Left to a person: {}.", visible(because)),
        (Some(because), ..) => format!("Left to a person: {}. {said}", visible(because)),
        (None, Cause::Source, decided) if decided != Cause::Source => {
            format!("Left to a person: the platform could not be told in time. {said}")
        }
        (None, ..) => said,
    }
}

/// The whole account, several lines: outcome, each rule with its place and conditions, what was missing or failed, and
/// what nearly approved. For operators alone.
pub fn full(verdict: &Verdict) -> String {
    let mut text = short(verdict);
    for rule in &verdict.rules {
        let _ = write!(
            text,
            "\n  {} {} — {}",
            verb(rule.set),
            visible(&rule.title),
            visible(&rule.reason)
        );
        let _ = write!(text, "\n    {}:{}  {}", rule.file, rule.line, rule.id);
        let width = |condition: &Condition| visible(&condition.text).chars().count();
        let widths = rule.conditions.iter().map(width);
        let widest = widths.filter(|width| *width <= WIDEST).max();
        for condition in &rule.conditions {
            let line = line(condition, widest.unwrap_or_default());
            let _ = write!(text, "\n    {line}");
        }
    }
    for (fact, lines) in needed_at(verdict) {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let _ = write!(text, "\n  {fact}:{})", lines.join(", "));
    }
    for failure in &verdict.failures {
        let _ = write!(
            text,
            "\n  {} failed: {}",
            failure.package,
            visible(&failure.message)
        );
        if let (Some(file), Some(line)) = (&failure.file, failure.line) {
            let _ = write!(text, " ({file}:{line})");
        }
    }
    for nearest in &verdict.nearest {
        let _ = write!(
            text,
            "\n  almost approves {}\n    {}:{}  {}",
            near::near_miss(nearest),
            nearest.file,
            nearest.line,
            nearest.id
        );
    }
    if !verdict.nearest.is_empty() {
        let change = near::counterfactual(verdict.counterfactual.as_ref());
        let _ = write!(text, "\n  {change}");
    }
    text
}

/// What goes into the platform's rationale field: who decided and why, at most `limit` characters.
pub fn for_platform(case: &Case, resolution: &Resolution, limit: usize) -> String {
    let text = match &resolution.by {
        Resolver::Person(name) => {
            let done = match resolution.outcome {
                Resolved::Approved => "Approved",
                Resolved::Rejected => "Rejected",
                Resolved::Expired => "Expired",
                Resolved::Superseded => "Decided elsewhere",
            };
            return by_people(done, &said(case, resolution, name), limit);
        }
        Resolver::Deadline => match &resolution.reason {
            Some(reason) => format!("Rejected: {reason}"),
            None => short(&case.verdict),
        },
        Resolver::Policy | Resolver::Platform => short(&case.verdict),
    };
    bounded(&visible(&text), limit)
}

/// `text` with every control, bidirectional and invisible character written as `\u{…}`; a line break becomes `\n`.
pub fn visible(text: &str) -> String {
    if !text.chars().any(is_hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_hidden(character) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// `text` cut to `limit` characters, the cut marked by `…`.
pub fn bounded(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Characters that change how the text around them is read, or that cannot be seen: controls, bidirectional marks,
/// zero-width and tag characters.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether there is nothing to read in `text`.
pub fn is_blank(text: &str) -> bool {
    let nothing = |character: char| character.is_whitespace() || is_hidden(character);
    text.chars().all(nothing)
}

fn reasons(verdict: &Verdict) -> String {
    let set = match verdict.cause {
        Cause::Frozen => RuleSet::Approve,
        Cause::Rule | Cause::NoRule | Cause::PolicyError | Cause::Evidence | Cause::Source => {
            match verdict.outcome {
                Outcome::Approve => RuleSet::Approve,
                Outcome::Reject => RuleSet::Reject,
                Outcome::Escalate => RuleSet::Escalate,
            }
        }
    };
    let named = |rule: &FiredRule| {
        if rule.reason.is_empty() {
            rule.title.clone()
        } else {
            format!("{}: {}", rule.title, rule.reason)
        }
    };
    let all: Vec<String> = verdict
        .rules
        .iter()
        .filter(|rule| rule.set == set)
        .map(named)
        .collect();
    all.join("; ")
}

fn first_failure(failures: &[PolicyFailure]) -> String {
    failures
        .first()
        .map(|failure| format!(" in {}: {}", failure.package, failure.message))
        .unwrap_or_default()
}

/// What could not be relied on, each fact once, with the rules that need it. What a fact should have been instead is for
/// people: see [`full`].
fn missing(verdict: &Verdict) -> String {
    let mut needed: Vec<(String, Vec<&str>)> = Vec::new();
    for evidence in &verdict.evidence {
        let saw = evidence.saw.split(',').next().unwrap_or_default();
        let fact = format!("`{}` is {saw}", evidence.path);
        let rule = evidence.rule.as_str();
        match needed.iter_mut().find(|(other, _)| *other == fact) {
            Some((_, rules)) if rules.contains(&rule) => {}
            Some((_, rules)) => rules.push(rule),
            None => needed.push((fact, vec![rule])),
        }
    }
    if needed.is_empty() {
        return String::new();
    }
    let facts = needed.iter().map(|(fact, rules)| {
        let rules = rules.iter().map(ToString::to_string).collect();
        format!("{fact} ({})", first_of(rules))
    });
    format!(": {}", first_of(facts.collect()))
}

/// The first of them, and how many more there are.
fn first_of(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    match more {
        0 => all.join(", "),
        more => format!("{}, and {more} more", all.join(", ")),
    }
}

/// What each rule could not rely on, up to its file, and the lines there.
fn needed_at(verdict: &Verdict) -> Vec<(String, BTreeSet<u32>)> {
    let mut needed: Vec<(String, BTreeSet<u32>)> = Vec::new();
    for evidence in &verdict.evidence {
        let fact = format!(
            "`{}` is {}, needed by {} ({}",
            visible(&evidence.path),
            visible(&evidence.saw),
            evidence.rule,
            evidence.file
        );
        match needed.iter_mut().find(|(other, _)| *other == fact) {
            Some((_, lines)) => {
                lines.insert(evidence.line);
            }
            None => needed.push((fact, BTreeSet::from([evidence.line]))),
        }
    }
    needed
}

fn verb(set: RuleSet) -> &'static str {
    match set {
        RuleSet::Approve => "approves",
        RuleSet::Reject => "rejects",
        RuleSet::Escalate => "escalates",
    }
}

fn line(condition: &Condition, widest: usize) -> String {
    let mark = match condition.truth {
        Truth::True => '✓',
        Truth::False => '✗',
        Truth::Unknown => '?',
    };
    let values: Vec<String> = condition
        .values
        .iter()
        .map(|(path, value)| format!("{path} = {}", visible(value)))
        .collect();
    let text = visible(&condition.text);
    if values.is_empty() {
        return format!("{mark} {text}");
    }
    format!("{mark} {text:widest$}  {}", values.join(", "))
}

#[cfg(test)]
mod tests;
