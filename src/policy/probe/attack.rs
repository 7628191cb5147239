//! The changes that are tried on one sample, property by property.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::explanation::Explanation;

use super::facts::Facts;
use super::judge::{self, Blame};
use super::monotone::Monotone;
use super::mutate::{self, BIG, with, without};
use super::oracle::Oracle;
use super::{Change, Finding, Found, Property, Sample, paths, samples, suggest};

mod containers;
mod texts;

/// How many refused variants of each place are tried with another place dropped.
const MOST_VARIANTS: usize = 3;

/// Attacks with one sample, and says whether it is approved as it is. What is not approved is tried with fields dropped
/// all the same.
pub(super) fn sample(
    oracle: &mut Oracle<'_>,
    sample: &Sample,
    monotone: &[Monotone],
    found: &mut Found,
) -> bool {
    oracle.begin_sample();
    let now = samples::time_of(&sample.input).unwrap_or_else(|| oracle.now());
    let approved = oracle.approves_guarded(&sample.input, now);
    let Some(explanation) = oracle.explain(&sample.input, now) else {
        return approved;
    };
    let facts = Facts::of(&explanation, &sample.input, oracle.data());
    let mut attack = Attack {
        oracle,
        sample,
        now,
        explanation,
        facts,
        found,
    };
    if !approved {
        if !attack.approves(&sample.input) {
            attack.drop_fields(&sample.input, &[]);
        }
        return false;
    }
    attack.drop_fields(&sample.input, &[]);
    attack.drop_beside_refused();
    attack.change_kinds();
    attack.go_below_zero();
    attack.grow(monotone);
    attack.respell();
    attack.change_containers();
    true
}

/// One sample under attack.
struct Attack<'a, 'o> {
    oracle: &'a mut Oracle<'o>,
    sample: &'a Sample,
    now: Timestamp,
    /// Of the sample as it is.
    explanation: Explanation,
    facts: Facts,
    found: &'a mut Found,
}

impl Attack<'_, '_> {
    fn approves(&mut self, document: &Value) -> bool {
        self.oracle.approves(document, self.now)
    }

    fn explain(&mut self, document: &Value) -> Option<Explanation> {
        self.oracle.explain(document, self.now)
    }

    /// The places that are read and there, each with its value.
    fn places(&self) -> Vec<(String, Value)> {
        self.facts
            .present(&self.sample.input)
            .map(|(pointer, value)| (pointer.to_owned(), value.clone()))
            .collect()
    }

    fn change(&self, pointer: &str, to: Option<Value>) -> Change {
        Change {
            path: pointer.to_owned(),
            from: self.sample.input.pointer(pointer).cloned(),
            to,
        }
    }

    /// Keeps a finding that `explanation`, of an evaluation that approves, shows.
    fn report(
        &mut self,
        explanation: &Explanation,
        property: Property,
        blame: Blame,
        changes: Vec<Change>,
        suggestion: String,
    ) {
        let pointer = changes
            .last()
            .map(|change| change.path.clone())
            .unwrap_or_default();
        let Some(approved_by) = judge::approver(explanation) else {
            return;
        };
        self.found.add(Finding {
            property,
            blame,
            approved_by,
            sample: self.sample.name.clone(),
            changes,
            pointer,
            suggestion,
            mutants: 1,
        });
    }

    /// Takes each place that is read out of `document`, which the `before` changes have made of the sample. What it
    /// empties an object of counts as dropped.
    fn drop_fields(&mut self, document: &Value, before: &[Change]) {
        for (pointer, value) in self.places() {
            if before
                .iter()
                .any(|change| paths::related(&change.path, &pointer))
            {
                continue;
            }
            self.drop_field(document, before, &pointer, None);
            if value.is_object() {
                self.drop_field(document, before, &pointer, Some(json!({})));
            }
        }
    }

    fn drop_field(
        &mut self,
        document: &Value,
        before: &[Change],
        pointer: &str,
        left: Option<Value>,
    ) {
        let dropped = match &left {
            None => without(document, pointer),
            Some(left) => with(document, pointer, left.clone()),
        };
        let Some(dropped) = dropped else { return };
        if !self.approves(&dropped) {
            return;
        }
        let Some(explanation) = self.explain(&dropped) else {
            return;
        };
        if judge::absence_is_fine(&explanation) {
            return;
        }
        if let Some(blame) = judge::blame(&explanation, pointer) {
            let suggestion = suggest::kind_of(pointer, &self.sample.input);
            let mut changes = before.to_vec();
            changes.push(self.change(pointer, left));
            self.report(
                &explanation,
                Property::MissingField,
                blame,
                changes,
                suggestion,
            );
        }
    }

    /// Variants that are refused for one place must not become approved by dropping another.
    fn drop_beside_refused(&mut self) {
        for (pointer, value) in self.places() {
            let others = match &value {
                Value::Number(number) => {
                    let boundaries = self.boundaries(&pointer);
                    mutate::around(number.as_f64().unwrap_or_default(), &boundaries)
                }
                Value::String(_) => self.denied_at(&pointer),
                Value::Bool(truth) => vec![json!(!truth)],
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            let mut refused = 0;
            for other in others {
                let Some(variant) = with(&self.sample.input, &pointer, other.clone()) else {
                    continue;
                };
                if self.approves(&variant) {
                    continue;
                }
                let change = self.change(&pointer, Some(other));
                self.drop_fields(&variant, &[change]);
                refused += 1;
                if refused == MOST_VARIANTS {
                    break;
                }
            }
        }
    }

    fn boundaries(&self, pointer: &str) -> Vec<f64> {
        let known = self.facts.boundaries.get(pointer);
        known.cloned().unwrap_or_default()
    }

    /// Whether the guard approves the sample without what is at `pointer`, or with nothing in it: then the author said that
    /// it does not matter, and no other value gets through that leaving it out would not.
    fn may_be_left_out(&mut self, pointer: &str, value: &Value) -> bool {
        let left = value
            .is_object()
            .then(|| with(&self.sample.input, pointer, json!({})))
            .flatten();
        let left_out = without(&self.sample.input, pointer);
        left.into_iter()
            .chain(left_out)
            .any(|less| self.oracle.approves_guarded(&less, self.now))
    }

    /// Puts values of other kinds in each place that is read.
    fn change_kinds(&mut self) {
        for (pointer, value) in self.places() {
            let is_only_asked_for = judge::is_only_asked_for(&self.explanation, &pointer);
            if (is_only_asked_for && !value.is_boolean()) || self.may_be_left_out(&pointer, &value)
            {
                continue;
            }
            for other in mutate::wrong_kinds(&value) {
                let Some(changed) = with(&self.sample.input, &pointer, other.clone()) else {
                    continue;
                };
                if !self.approves(&changed) {
                    continue;
                }
                // An empty list would do, so it is nothing about kinds.
                if value.is_array() && other == json!({}) && self.passes_as(&pointer, &[]) {
                    continue;
                }
                let Some(explanation) = self.explain(&changed) else {
                    return;
                };
                if judge::kind_is_handled(&explanation, &pointer, mutate::kind(&other)) {
                    continue;
                }
                if let Some(blame) = judge::blame(&explanation, &pointer) {
                    let suggestion = suggest::kind_of(&pointer, &self.sample.input);
                    let change = self.change(&pointer, Some(other));
                    self.report(
                        &explanation,
                        Property::WrongKind,
                        blame,
                        vec![change],
                        suggestion,
                    );
                }
            }
        }
    }

    /// Looks for numbers that may not be too large and may be as small as one likes.
    fn go_below_zero(&mut self) {
        for (pointer, value) in self.places() {
            let Some(number) = value.as_f64().filter(|number| *number >= 0.0) else {
                continue;
            };
            let bounded = |attack: &mut Self, by: f64| {
                let other = mutate::number(by)
                    .and_then(|other| with(&attack.sample.input, &pointer, other));
                other.is_some_and(|other| !attack.approves(&other))
            };
            if !bounded(self, BIG) || bounded(self, -BIG) {
                continue;
            }
            let mut through: Vec<(Value, Value)> = Vec::new();
            for other in mutate::negatives(number) {
                let changed = with(&self.sample.input, &pointer, other.clone());
                if let Some(changed) = changed
                    && self.approves(&changed)
                {
                    through.push((other, changed));
                }
            }
            for (other, changed) in through {
                let Some(explanation) = self.explain(&changed) else {
                    return;
                };
                if let Some(blame) = judge::blame(&explanation, &pointer) {
                    let suggestion = suggest::lower_bound(&explanation, &pointer);
                    let change = self.change(&pointer, Some(other));
                    self.report(
                        &explanation,
                        Property::NoLowerBound,
                        blame,
                        vec![change],
                        suggestion,
                    );
                }
            }
        }
    }

    /// Looks for a number that is not approved below one that is, where more is declared never to be more welcome.
    fn grow(&mut self, monotone: &[Monotone]) {
        for (pointer, value) in self.places() {
            let Some(number) = value.as_f64() else {
                continue;
            };
            if !monotone.iter().any(|one| one.pointer == pointer) {
                continue;
            }
            let boundaries = self.boundaries(&pointer);
            let mut ladder: Vec<f64> = mutate::around(number, &boundaries)
                .iter()
                .filter_map(Value::as_f64)
                .chain([number])
                // What bounds a number at nothing, or at the first whole one, is not about more or less.
                .filter(|step| *step >= number.clamp(0.0, 1.0) && *step > 0.0)
                .collect();
            ladder.sort_by(f64::total_cmp);
            ladder.dedup();
            let mut refused: Option<Value> = None;
            for step in ladder.into_iter().filter_map(mutate::number) {
                let Some(changed) = with(&self.sample.input, &pointer, step.clone()) else {
                    continue;
                };
                let approved = self.approves(&changed);
                match (&refused, approved) {
                    (None, false) => refused = Some(step),
                    (Some(below), true) => {
                        let Some(explanation) = self.explain(&changed) else {
                            return;
                        };
                        let Some(blame) = judge::blame(&explanation, &pointer) else {
                            continue;
                        };
                        let change = Change {
                            path: pointer.clone(),
                            from: Some(below.clone()),
                            to: Some(step),
                        };
                        let suggestion = suggest::upper_bound(&pointer, below);
                        self.report(
                            &explanation,
                            Property::Monotone,
                            blame,
                            vec![change],
                            suggestion,
                        );
                    }
                    (None, true) | (Some(_), false) => {}
                }
            }
        }
    }
}
