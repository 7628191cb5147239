//! Lists with nothing in them, with the same thing twice, and with something in them that would not pass alone.

use serde_json::{Value, json};

use crate::policy::probe::judge::{self, Elements};
use crate::policy::probe::mutate::{self, with};
use crate::policy::probe::{Property, paths, suggest};

use super::Attack;

/// How many elements of a list are tried alone.
const MOST_PARTS: usize = 4;

impl Attack<'_, '_> {
    /// Empties, doubles and mixes each list that is read.
    pub(super) fn change_containers(&mut self) {
        for (pointer, value) in self.places() {
            let Value::Array(items) = value else { continue };
            if items.is_empty() {
                continue;
            }
            self.empty(&pointer);
            self.double(&pointer, &items);
            self.mix(&pointer, &items);
        }
    }

    /// A rule that says something of every element says nothing of none.
    fn empty(&mut self, pointer: &str) {
        let Some(blame) = judge::needs_elements(&self.explanation, pointer, Elements::Any) else {
            return;
        };
        if let Some(explanation) = self.approved_as(pointer, &[])
            && !judge::emptiness_is_handled(&explanation, pointer)
            && judge::blame(&explanation, pointer).is_some_and(|now| now.rule == blame.rule)
        {
            let change = self.change(pointer, Some(json!([])));
            let suggestion = suggest::something(pointer);
            self.report(
                &explanation,
                Property::EmptyContainer,
                blame,
                vec![change],
                suggestion,
            );
        }
    }

    /// What one element does not get approved, the same element several times must not.
    fn double(&mut self, pointer: &str, items: &[Value]) {
        for part in items.iter().take(MOST_PARTS) {
            if self.passes_as(pointer, std::slice::from_ref(part)) {
                continue;
            }
            let doubled = vec![part.clone(); items.len().max(2)];
            if let Some(explanation) = self.approved_as(pointer, &doubled)
                && let Some(blame) = judge::blame(&explanation, pointer)
            {
                let change = self.change(pointer, Some(Value::Array(doubled)));
                let suggestion = suggest::no_doubles(pointer);
                self.report(
                    &explanation,
                    Property::Container,
                    blame,
                    vec![change],
                    suggestion,
                );
            }
        }
    }

    /// What is not approved alone must not pass in the company of what is.
    fn mix(&mut self, pointer: &str, items: &[Value]) {
        let blame = judge::needs_elements(&self.explanation, pointer, Elements::Bounded)
            .or_else(|| judge::vetoes_elements(&self.explanation, pointer));
        let Some(blame) = blame else { return };
        let mut spoiled: Vec<Value> = self
            .facts
            .denied
            .iter()
            .filter(|denied| {
                paths::within(&denied.pointer, pointer)
                    && paths::depth(&denied.pointer) == paths::depth(pointer) + 1
            })
            .map(|denied| Value::from(denied.member.clone()))
            .collect();
        spoiled.extend(items.iter().take(1).flat_map(mutate::spoiled));
        for bad in spoiled {
            if self.passes_as(pointer, std::slice::from_ref(&bad)) {
                continue;
            }
            let after: Vec<Value> = items.iter().chain([&bad]).cloned().collect();
            let before: Vec<Value> = [&bad].into_iter().chain(items).cloned().collect();
            for mixed in [after, before] {
                if let Some(explanation) = self.approved_as(pointer, &mixed) {
                    let change = self.change(pointer, Some(Value::Array(mixed)));
                    let suggestion = suggest::every(pointer);
                    self.report(
                        &explanation,
                        Property::Container,
                        blame.clone(),
                        vec![change],
                        suggestion,
                    );
                    break;
                }
            }
        }
    }

    pub(super) fn passes_as(&mut self, pointer: &str, items: &[Value]) -> bool {
        let changed = with(&self.sample.input, pointer, Value::Array(items.to_vec()));
        changed.is_some_and(|changed| self.approves(&changed))
    }

    /// What the evaluation shows with these elements, if it approves.
    fn approved_as(
        &mut self,
        pointer: &str,
        items: &[Value],
    ) -> Option<crate::domain::explanation::Explanation> {
        let changed = with(&self.sample.input, pointer, Value::Array(items.to_vec()))?;
        if !self.approves(&changed) {
            return None;
        }
        self.explain(&changed)
    }
}
