//! Near-misses and counterfactuals in words.

use super::visible;
use crate::domain::near::{
    Counterfactual, FailedCondition, NearMiss, Need, Shortfall, input_path, shown,
};
use crate::domain::verdict::Truth;

/// What kept a rule from approving: "Small refund: `input.context.amount` is 120, needs < 100; the other 2 conditions
/// hold".
pub fn near_miss(near: &NearMiss) -> String {
    format!("{}: {}", visible(&near.title), shortcoming(near))
}

/// The same without the rule's name.
pub fn shortcoming(near: &NearMiss) -> String {
    let Some(first) = near.failing.first() else {
        return "every condition holds, but not all for the same element".to_owned();
    };
    let first = failed(first);
    let others = match (near.fails, near.holds) {
        (1, 0) => String::new(),
        (1, 1) => "; the other condition holds".to_owned(),
        (1, holding) => format!("; the other {holding} conditions hold"),
        (2, holding) => format!("; one more condition does not hold{}", do_hold(holding)),
        (failing, holding) => format!(
            "; {} more conditions do not hold{}",
            failing - 1,
            do_hold(holding)
        ),
    };
    first + &others
}

/// What is wrong with one condition.
pub fn failed(condition: &FailedCondition) -> String {
    match (&condition.shortfall, condition.truth) {
        (Some(shortfall), _) => shortfall_in_words(shortfall),
        (None, Truth::Unknown) => format!("whether `{}` cannot be known", visible(&condition.text)),
        (None, Truth::True | Truth::False) => {
            format!("`{}` does not hold", visible(&condition.text))
        }
    }
}

/// What would have to be different: "would be approved with `input.context.amount` = 99 (verified)".
pub fn counterfactual(found: Option<&Counterfactual>) -> String {
    let Some(found) = found else {
        return "no single change was found that would approve it".to_owned();
    };
    let set: Vec<String> = found
        .set
        .iter()
        .map(|change| {
            format!(
                "`{}` = {}",
                visible(&input_path(&change.path)),
                visible(&shown(&change.to))
            )
        })
        .collect();
    let would = match found.outcome {
        crate::domain::verdict::Outcome::Approve => "would be approved",
        crate::domain::verdict::Outcome::Reject => "would be rejected",
        crate::domain::verdict::Outcome::Escalate => "would be left to a person",
    };
    format!("{would} with {} (verified)", set.join(" and "))
}

fn do_hold(holding: usize) -> String {
    match holding {
        0 => String::new(),
        1 => ", 1 does".to_owned(),
        _ => format!(", {holding} do"),
    }
}

fn shortfall_in_words(short: &Shortfall) -> String {
    let seen = short.observed.as_deref().unwrap_or("absent");
    let needs = match short.needs {
        Need::Hold if seen == "false" => ", needs true".to_owned(),
        Need::Hold => String::new(),
        Need::NotHold => ", needs false".to_owned(),
        Need::Less => measured("<", short),
        Need::AtMost => measured("<=", short),
        Need::Greater => measured(">", short),
        Need::AtLeast => measured(">=", short),
        Need::Equal => measured("==", short),
        Need::Unequal => measured("!=", short),
        Need::In => measured("to be in", short),
        Need::NotIn => measured("to be outside", short),
        Need::Contain => measured("to contain", short),
        Need::NotContain => measured("to be without", short),
        Need::Match => measured("to match", short),
        Need::NotMatch => measured("not to match", short),
    };
    format!("`{}` is {}{needs}", visible(&short.operand), visible(seen))
}

/// `, needs < 100`, with the threshold's name where it has one. A collection with a name is not written out.
fn measured(word: &str, short: &Shortfall) -> String {
    let threshold = match (&short.threshold, &short.named) {
        (Some(value), Some(name)) if value.starts_with(['[', '{']) => format!("`{name}`"),
        (Some(value), Some(name)) => format!("{value} (`{name}`)"),
        (Some(value), None) => value.clone(),
        (None, Some(name)) => format!("`{name}`, which is absent"),
        (None, None) => return String::new(),
    };
    format!(", needs {word} {}", visible(&threshold))
}
