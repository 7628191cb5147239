//! The rules that could apply, each with its conditions, what they saw and where they are written.

use crate::domain::account::Account;
use crate::domain::explanation::{ExplainedCondition, ExplainedRule};
use crate::domain::rationale::{bounded, visible};
use crate::domain::verdict::{Condition, FiredRule, Truth, Verdict};

/// Longer texts and values are cut; `countersign explain --format json` has them whole.
const LONGEST: usize = 200;
/// More rules that do not matter are counted.
const MOST_OTHERS: usize = 100;

/// The rules of a case, those that matter apart from the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tree {
    /// Those behind the verdict, those that hold or may, those that came nearest to approving.
    pub(super) rules: Vec<Rule>,
    /// The others.
    pub(super) others: Vec<Rule>,
    /// How many others are left out.
    pub(super) more: usize,
    /// What a reader should know of how it came to be.
    pub(super) note: Option<String>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) mark: Mark,
    pub(super) title: String,
    pub(super) set: &'static str,
    pub(super) place: String,
    pub(super) reasons: Vec<String>,
    pub(super) lines: Vec<Line>,
}

/// A condition, or a helper rule that one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) mark: Mark,
    /// How far it stands to the right: 1 to 3.
    pub(super) depth: usize,
    pub(super) text: String,
    /// What it saw: `input.context.amount = 120`.
    pub(super) seen: String,
    pub(super) place: String,
}

/// A truth as a sign, and in words for whoever hears the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sign: char,
    pub(super) word: &'static str,
    /// The class that colours it.
    pub(super) class: &'static str,
}

impl Mark {
    fn of(truth: Truth) -> Self {
        let (sign, word, class) = match truth {
            Truth::True => ('✓', "holds", "yes"),
            Truth::False => ('✗', "does not hold", "no"),
            Truth::Unknown => ('?', "cannot be known", "maybe"),
        };
        Self { sign, word, class }
    }
}

impl Tree {
    /// What an evaluation of today shows.
    pub(super) fn of(account: &Account, note: Option<String>) -> Self {
        let (rules, others) = account.in_order();
        Self {
            rules: rules.into_iter().map(Rule::of).collect(),
            more: others.len().saturating_sub(MOST_OTHERS),
            others: others.into_iter().take(MOST_OTHERS).map(Rule::of).collect(),
            note,
        }
    }

    /// What was written down when it was decided.
    pub(super) fn of_kept(verdict: &Verdict, note: String) -> Self {
        Self {
            rules: verdict.rules.iter().map(Rule::of_fired).collect(),
            note: Some(note),
            ..Self::default()
        }
    }

    /// Whether there is any rule in it.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.others.is_empty()
    }
}

impl Rule {
    fn of(rule: &ExplainedRule) -> Self {
        let conditions = rule.conditions.iter();
        let conditions = conditions.filter(|condition| !rule.is_of_its_head(condition));
        Self {
            mark: Mark::of(rule.truth),
            title: cut(&rule.title),
            set: rule.set.as_str(),
            place: place(&rule.file, rule.line),
            reasons: rule.reasons.iter().map(|reason| cut(reason)).collect(),
            lines: conditions.flat_map(Line::of).collect(),
        }
    }

    fn of_fired(rule: &FiredRule) -> Self {
        Self {
            mark: Mark::of(Truth::True),
            title: cut(&rule.title),
            set: rule.set.as_str(),
            place: place(&rule.file, rule.line),
            reasons: vec![cut(&rule.reason)],
            lines: rule.conditions.iter().map(Line::of_kept).collect(),
        }
    }
}

impl Line {
    fn of(condition: &ExplainedCondition) -> Vec<Self> {
        let mut lines = vec![Self::condition(condition, 1)];
        for helper in &condition.helpers {
            lines.push(Self {
                mark: Mark::of(helper.truth),
                depth: 2,
                text: cut(&helper.name),
                seen: String::new(),
                place: place(&helper.file, helper.line),
            });
            let conditions = helper.conditions.iter();
            lines.extend(conditions.map(|condition| Self::condition(condition, 3)));
        }
        lines
    }

    fn condition(condition: &ExplainedCondition, depth: usize) -> Self {
        let missing = &condition.missing;
        let is_missing = |operand: &str| missing.iter().any(|missing| missing.path == operand);
        let values = condition.values.iter();
        let values = values.filter(|(operand, value)| !is_missing(operand) && value != "undefined");
        let values = values.map(|(operand, value)| format!("{operand} = {value}"));
        let missing = missing.iter();
        let missing = missing.map(|missing| format!("{} is {}", missing.path, missing.saw));
        let seen: Vec<String> = values.chain(missing).collect();
        Self {
            mark: Mark::of(condition.truth),
            depth,
            text: cut(&condition.text),
            seen: cut(&seen.join(", ")),
            place: place(&condition.file, condition.line),
        }
    }

    fn of_kept(condition: &Condition) -> Self {
        let values = condition.values.iter();
        let seen: Vec<String> = values
            .map(|(operand, value)| format!("{operand} = {value}"))
            .collect();
        Self {
            mark: Mark::of(condition.truth),
            depth: 1,
            text: cut(&condition.text),
            seen: cut(&seen.join(", ")),
            place: place(&condition.file, condition.line),
        }
    }
}

fn place(file: &str, line: u32) -> String {
    format!("{}:{line}", visible(file))
}

fn cut(text: &str) -> String {
    bounded(&visible(text), LONGEST)
}
