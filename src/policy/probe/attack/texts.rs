//! Other spellings of what is denied.

use serde_json::Value;

use crate::policy::probe::facts::Denied;
use crate::policy::probe::judge::Blame;
use crate::policy::probe::mutate::{self, with};
use crate::policy::probe::{Property, suggest};

use super::Attack;

impl Attack<'_, '_> {
    /// The texts that are denied at `pointer`.
    pub(super) fn denied_at(&self, pointer: &str) -> Vec<Value> {
        let denied = self.facts.denied.iter();
        denied
            .filter(|denied| denied.pointer == pointer)
            .map(|denied| Value::from(denied.member.clone()))
            .collect()
    }

    /// Writes what is denied in other ways. Where the text itself is approved, it is something else that denies it.
    pub(super) fn respell(&mut self) {
        for denied in self.facts.denied.clone() {
            if self.passes(&denied, &denied.member) {
                continue;
            }
            let spelt = mutate::spellings(&denied.member);
            let mut through = Vec::new();
            for spelling in spelt {
                let is_denied_too = denied.members.contains(&spelling);
                if !is_denied_too && self.passes(&denied, &spelling) {
                    through.push(spelling);
                }
            }
            let explanation = self.explanation.clone();
            let Some(rule) = explanation.rules.get(denied.rule) else {
                continue;
            };
            let blame = Blame::of(rule, rule.conditions.get(denied.condition));
            let suggestion = suggest::spelling(&denied, &self.sample.input, &through);
            for spelling in through {
                let change = self.change(&denied.pointer, Some(Value::from(spelling)));
                self.report(
                    &explanation,
                    Property::Spelling,
                    blame.clone(),
                    vec![change],
                    suggestion.clone(),
                );
            }
        }
    }

    fn passes(&mut self, denied: &Denied, text: &str) -> bool {
        let changed = with(&self.sample.input, &denied.pointer, Value::from(text));
        changed.is_some_and(|changed| self.approves(&changed))
    }
}
