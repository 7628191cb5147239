//! An account on one screen: the verdict, the rules that made it as a tree, what nearly approved, and what would have.

use std::io::{self, Write};

use owo_colors::{OwoColorize as _, Style};

use super::policy_directory::plural;
use super::terminal::{BAD, FAINT, GOOD, HEADING, WAITS, grouped, one_line, style_of};
use crate::domain::account::Account;
use crate::domain::explanation::{ExplainedCondition, ExplainedRule};
use crate::domain::rationale::{self, near};
use crate::domain::verdict::{Outcome, Truth};

/// Which rules are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// Those that hold, those that may, and those that came nearest to approving.
    Nearest,
    /// All that could apply.
    All,
}

/// Longer conditions do not push the values of the others to the right.
const WIDEST: usize = 64;
/// Longer conditions are cut; `--format json` has them whole.
const LONGEST_TEXT: usize = 120;
/// Longer values are cut.
const LONGEST_VALUES: usize = 160;

/// The page.
pub(super) fn write(out: &mut dyn Write, account: &Account, rules: Rules) -> anyhow::Result<()> {
    let verdict = &account.verdict;
    let word = verdict.outcome.as_str();
    writeln!(
        out,
        "{}  {}",
        word.style(style_of(word)),
        rationale::short(verdict)
    )?;
    let (shown, rest) = account.in_order();
    for rule in &shown {
        write_rule(out, rule)?;
    }
    match rules {
        Rules::All => rest.iter().try_for_each(|rule| write_rule(out, rule))?,
        Rules::Nearest if rest.is_empty() => {}
        Rules::Nearest => {
            let count = plural(
                rest.len(),
                if shown.is_empty() {
                    "rule"
                } else {
                    "more rule"
                },
            );
            let count = count.replacen(&rest.len().to_string(), &grouped(rest.len()), 1);
            let hidden = format!("… and {count} (--all shows them)");
            writeln!(out, "\n{}", hidden.style(FAINT))?;
        }
    }
    if shown.is_empty() && rest.is_empty() {
        writeln!(out, "\n{}", "No rule is about this request.".style(FAINT))?;
    }
    write_what_nearly_was(out, account)?;
    Ok(())
}

fn write_rule(out: &mut dyn Write, rule: &ExplainedRule) -> io::Result<()> {
    let (mark, style) = mark(rule.truth);
    let place = format!("{}:{}", rule.file, rule.line);
    let set = rule.set.as_str();
    writeln!(
        out,
        "\n{} {}  {}  {}",
        mark.style(style),
        one_line(&rule.title, LONGEST_TEXT).style(HEADING),
        set.style(style_of(set)),
        place.style(FAINT)
    )?;
    for reason in &rule.reasons {
        writeln!(out, "    {}", one_line(reason, LONGEST_VALUES).style(FAINT))?;
    }
    let conditions = rule
        .conditions
        .iter()
        .filter(|one| !rule.is_of_its_head(one));
    let lines: Vec<Line<'_>> = conditions.flat_map(Line::of).collect();
    let width = |line: &Line<'_>| Some(line.width()).filter(|width| *width <= WIDEST);
    let widest = lines.iter().filter_map(width).max().unwrap_or_default();
    lines.iter().try_for_each(|line| line.write(out, widest))
}

/// One line of a rule's tree.
struct Line<'a> {
    depth: usize,
    truth: Truth,
    text: String,
    seen: Seen<'a>,
}

/// What stands to the right of a line.
enum Seen<'a> {
    Values(&'a ExplainedCondition),
    Place(String),
}

impl<'a> Line<'a> {
    /// A condition, and the helper rules that it names one level open.
    fn of(condition: &'a ExplainedCondition) -> Vec<Self> {
        let mut lines = vec![Self::condition(condition, 1)];
        for helper in &condition.helpers {
            lines.push(Self {
                depth: 2,
                truth: helper.truth,
                text: one_line(&helper.name, LONGEST_TEXT),
                seen: Seen::Place(format!("{}:{}", helper.file, helper.line)),
            });
            lines.extend(
                helper
                    .conditions
                    .iter()
                    .map(|condition| Self::condition(condition, 3)),
            );
        }
        lines
    }

    fn condition(condition: &'a ExplainedCondition, depth: usize) -> Self {
        Self {
            depth,
            truth: condition.truth,
            text: one_line(&condition.text, LONGEST_TEXT),
            seen: Seen::Values(condition),
        }
    }

    fn width(&self) -> usize {
        2 * self.depth + self.text.chars().count()
    }

    fn write(&self, out: &mut dyn Write, widest: usize) -> io::Result<()> {
        let (mark, style) = mark(self.truth);
        let indent = 2 * self.depth;
        write!(out, "{:indent$}{} {}", "", mark.style(style), self.text)?;
        let seen = match &self.seen {
            Seen::Values(condition) => seen(condition),
            Seen::Place(place) => place.clone(),
        };
        if seen.is_empty() {
            return writeln!(out);
        }
        let gap = widest.saturating_sub(self.width()) + 2;
        writeln!(out, "{:gap$}{}", "", seen.style(FAINT))
    }
}

/// The operands with their values, and what was missing.
fn seen(condition: &ExplainedCondition) -> String {
    let missing = condition.missing.iter();
    let is_missing = |operand: &str| missing.clone().any(|missing| missing.path == operand);
    let values = condition.values.iter();
    let values = values
        .filter(|(operand, value)| !is_missing(operand) && value != "undefined")
        .map(|(operand, value)| format!("{operand} = {value}"));
    let missing = missing
        .clone()
        .map(|missing| format!("{} is {}", missing.path, missing.saw));
    let all: Vec<String> = values.chain(missing).collect();
    one_line(&all.join(", "), LONGEST_VALUES)
}

fn write_what_nearly_was(out: &mut dyn Write, account: &Account) -> io::Result<()> {
    let verdict = &account.verdict;
    if verdict.outcome == Outcome::Approve || account.explanation.rules.is_empty() {
        return Ok(());
    }
    if !verdict.nearest.is_empty() {
        writeln!(out, "\n{}", "Nearest to approving".style(HEADING))?;
    }
    for nearest in &verdict.nearest {
        writeln!(out, "  {}", near::near_miss(nearest))?;
    }
    let change = near::counterfactual(verdict.counterfactual.as_ref());
    let mut letters = change.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let sentence: String = first.chain(letters).collect();
    let style = match verdict.counterfactual {
        Some(_) => GOOD,
        None => FAINT,
    };
    writeln!(out, "\n{}", format!("{sentence}.").style(style))
}

fn mark(truth: Truth) -> (char, Style) {
    match truth {
        Truth::True => ('✓', GOOD),
        Truth::False => ('✗', BAD),
        Truth::Unknown => ('?', WAITS),
    }
}

#[cfg(test)]
mod tests;
