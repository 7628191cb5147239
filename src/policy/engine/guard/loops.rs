//! Loops: over the members that are there, and over those that may be.

use regorus::Value;

use super::kinds::kind;
use super::parts::{has, parts};
use super::run::{Answer, Branch, Env, Flow, Found, Halt, Path, Run, both};
use super::seen::{self, Doubt, Seen, doubt, has_parts};
use super::term::{Pattern, Query, Slot};

/// What a loop runs over and what it gives names to.
pub(super) struct Members<'q> {
    pub(super) key: Option<&'q Pattern>,
    pub(super) value: Option<&'q Pattern>,
    pub(super) over: Seen,
}

impl<'a> Run<'a> {
    pub(super) fn each(
        &mut self,
        path: Path<'_>,
        at: usize,
        members: &Members<'_>,
        env: &mut Env,
        branch: &Branch,
        found: &mut Found<'_, 'a>,
    ) -> Result<Flow, Halt> {
        let Some(step) = path.get(at) else {
            return Ok(Flow::More);
        };
        let over = &members.over;
        let mut doubt = over.doubt_as_operand();
        if doubt.is_none() && !has_parts(&over.value) && over.is_defined() {
            doubt = no_elements(over);
        }
        let sure = over.sure.as_ref();
        for (key, value) in parts(over) {
            self.count()?;
            let mut branch = branch.clone();
            if let Some(doubt) = &doubt
                && !sure.is_some_and(|sure| has(sure, &value.value))
            {
                let answer = Answer::unknown(true, doubt.clone());
                path.joined(&mut branch, step, answer);
            }
            let mut answer = Answer::known(true);
            for (pattern, part) in [(members.key, key), (members.value, value)] {
                if let Some(pattern) = pattern
                    && !answer.is_false()
                {
                    answer = both(answer, self.taken(pattern, part, env)?);
                }
            }
            if answer.is_false() {
                continue;
            }
            path.joined(&mut branch, step, answer);
            if self.solve(path, at + 1, env, branch, found)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        let Some(doubt) = doubt else {
            return Ok(Flow::More);
        };
        // And whatever else it may hold.
        let mut branch = branch.clone();
        path.joined(&mut branch, step, Answer::unknown(false, doubt.clone()));
        for pattern in members.key.into_iter().chain(members.value) {
            self.taken(pattern, Seen::unknown(Value::Undefined, doubt.clone()), env)?;
        }
        self.solve(path, at + 1, env, branch, found)
    }

    pub(super) fn every(
        &mut self,
        key: Option<Slot>,
        value: Slot,
        over: &Seen,
        query: &Query,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        let mut doubt = over.doubt_as_operand();
        if doubt.is_none() && !has_parts(&over.value) {
            if !over.is_defined() {
                return Ok(Answer::known(false));
            }
            doubt = no_elements(over);
            if doubt.is_none() {
                return Ok(Answer::known(false));
            }
        }
        let sure = over.sure.as_ref();
        let mut plain = has_parts(&over.value);
        let certain = doubt.is_none();
        for (at, member) in parts(over) {
            self.count()?;
            let known = certain || sure.is_some_and(|sure| has(sure, &member.value));
            if let Some(place) = key.and_then(|slot| env.get_mut(slot)) {
                *place = at;
            }
            if let Some(place) = env.get_mut(value) {
                *place = member;
            }
            let answer = self.exists(query, env)?;
            if answer.is_false() && known {
                return Ok(Answer::known(false));
            }
            plain &= answer.plain;
            doubt = seen::and(doubt, answer.doubt);
        }
        Ok(Answer { plain, doubt })
    }
}

fn no_elements(over: &Seen) -> Option<Doubt> {
    let path = over.path()?;
    Some(doubt(
        path,
        format!("{}, which has no elements", kind(&over.value)),
    ))
}
