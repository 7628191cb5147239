//! The evidence guard: what of a decision stands on facts that were there.
//!
//! Plain Rego approves things nobody meant to approve: `null < 100` holds, `true < 100` holds, and `not blocked` holds
//! when the field it looks at is missing. So every rule is evaluated a second time, here, by three values: a condition is
//! true, false, or unknown. A body is AND, several bodies and `some` are OR, `every` is AND, `not` keeps unknown. Each
//! value carries what plain Rego has, why that cannot be relied on if it cannot, and the place of the input it comes
//! from, so that one walk gives both what plain Rego decides and what is known.
//!
//! Unknown is: a place of the input that is absent or null as an operand, an argument, a key or an assigned value; a
//! comparison or a look-up between values of different kinds; a built-in that fails on the kind of an input's value; a
//! part of the data that is not there as an operand. Known is: a condition of its own whose last key is missing from the
//! data; and what the author says may be missing: `is_*`, `type_name`, `object.get` with a default, a comparison with
//! `null` where there is a value, a look-up of a key among keys. The order of conditions never matters.
//!
//! What must hold: the engine's virtual machine evaluates the same rules by itself, and an approval stands only where
//! both agree.

pub(crate) mod kinds;
mod seen;
mod term;
mod lower;
mod run;
mod take;
mod loops;
mod eval;
mod compare;
mod parts;
mod gather;
mod call;
mod builtin;
mod body;
mod explain;
mod watch;

use std::collections::{BTreeSet, HashMap};

use regorus::Value;

use crate::policy::engine::catalog::Catalog;
use term::{Definition, Group};

pub(crate) use body::{BodySeen, Weighed};

/// The rules of a set, ready to be weighed.
pub(crate) struct Guard {
    groups: Vec<Group>,
    by_rule: HashMap<usize, (usize, usize)>,
}

impl Guard {
    /// The rules in `serving`, by index into the catalog, over the documents of the data files.
    pub(crate) fn new(catalog: &Catalog, serving: &BTreeSet<usize>, data: &Value) -> Self {
        let lowered = lower::lower(catalog, serving, data);
        Self {
            groups: lowered.groups,
            by_rule: lowered.by_rule,
        }
    }

    /// The rules whose `else` the engine's machine never comes to: the body above it runs over elements. By index into the
    /// catalog.
    pub(crate) fn unreached_elses(&self) -> Vec<usize> {
        let is_unreached = |rule: &usize| {
            let definition = self.definition(*rule);
            definition.is_some_and(Definition::has_unreached_else)
        };
        let rules = self.by_rule.keys().copied();
        let mut rules: Vec<usize> = rules.filter(is_unreached).collect();
        rules.sort_unstable();
        rules
    }

    fn definition(&self, rule: usize) -> Option<&Definition> {
        let &(group, at) = self.by_rule.get(&rule)?;
        self.groups.get(group)?.definitions.get(at)
    }
}
