//! Collections that are put together member by member, some of which may not be known.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;

use super::run::{Branch, Halt, Run};
use super::seen::{self, Doubt, Place, Seen};

/// What solutions gave so far.
#[derive(Default)]
pub(super) struct Gathered {
    /// Members in plain Rego.
    plain: Vec<Value>,
    /// Members in any case.
    sure: Vec<Value>,
    /// Keys and values in plain Rego.
    entries: BTreeMap<Value, Value>,
    /// A key with two values.
    clash: Option<Clash>,
    doubt: Option<Doubt>,
    place: Option<Place>,
}

/// An object that was put together.
pub(super) struct Object {
    pub(super) seen: Seen,
    pub(super) clash: Option<Clash>,
}

/// A key with two values.
pub(super) struct Clash {
    pub(super) key: Value,
    pub(super) values: [Value; 2],
}

impl Gathered {
    pub(super) fn add(&mut self, branch: &Branch, member: &Seen) {
        let doubt = seen::and(branch.doubt.clone(), member.doubt_as_operand());
        if branch.plain && member.is_defined() {
            if doubt.is_none() {
                self.sure.push(member.value.clone());
            }
            self.plain.push(member.value.clone());
            self.stands(member);
        }
        self.doubt = seen::and(self.doubt.take(), doubt);
    }

    pub(super) fn add_entry(&mut self, branch: &Branch, key: &Seen, value: &Seen) {
        let doubt = seen::and(key.doubt_as_operand(), value.doubt_as_operand());
        let doubt = seen::and(branch.doubt.clone(), doubt);
        if branch.plain && key.is_defined() && value.is_defined() {
            self.stands(value);
            let before = self.entries.insert(key.value.clone(), value.value.clone());
            if let Some(before) = before.filter(|before| *before != value.value) {
                self.clash = Some(Clash {
                    key: key.value.clone(),
                    values: [before, value.value.clone()],
                });
            }
        }
        self.doubt = seen::and(self.doubt.take(), doubt);
    }

    /// The collection stands around its members, at the one of them that is fewest levels deep.
    fn stands(&mut self, member: &Seen) {
        let levels = |place: &Place| match place {
            Place::Of(_, levels) => Some(*levels),
            Place::At(_) | Place::NoKey(_) | Place::Nowhere => None,
        };
        let around = Seen::around([member]);
        let Some(new) = levels(&around) else { return };
        if !matches!(&self.place, Some(known) if levels(known) <= Some(new)) {
            self.place = Some(around);
        }
    }

    pub(super) fn into_array(self, run: &mut Run<'_>) -> Result<Seen, Halt> {
        self.into_collection(run, Value::from)
    }

    pub(super) fn into_set(self, run: &mut Run<'_>) -> Result<Seen, Halt> {
        self.into_collection(run, |members| {
            Value::from(members.into_iter().collect::<BTreeSet<Value>>())
        })
    }

    fn into_collection(
        self,
        run: &mut Run<'_>,
        make: impl Fn(Vec<Value>) -> Value,
    ) -> Result<Seen, Halt> {
        let sure = self.doubt.is_some().then(|| make(self.sure));
        let value = make(self.plain);
        run.weigh(&value)?;
        Ok(Seen {
            sure,
            value,
            doubt: self.doubt,
            place: self.place.unwrap_or(Place::Nowhere),
        })
    }

    pub(super) fn into_object(self, run: &mut Run<'_>) -> Result<Object, Halt> {
        let value = Value::from(self.entries);
        run.weigh(&value)?;
        let seen = Seen {
            sure: None,
            value,
            doubt: self.doubt,
            place: self.place.unwrap_or(Place::Nowhere),
        };
        Ok(Object {
            seen,
            clash: self.clash,
        })
    }
}
