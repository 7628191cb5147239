//! Giving the parts of a value to names.

use regorus::Value;

use super::compare::alike;
use super::kinds::kind;
use super::run::{Answer, Env, Halt, Run, both};
use super::seen::{self, Seen, doubt};
use super::term::Pattern;

impl Run<'_> {
    pub(super) fn assigned(
        &mut self,
        pattern: &Pattern,
        value: Seen,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        let doubt = value.doubt_as_operand();
        if doubt.is_none() && !value.is_defined() {
            return Ok(Answer::known(false));
        }
        let plain = value.is_defined();
        let taken = self.taken(pattern, value, env)?;
        Ok(Answer {
            plain: plain && taken.plain,
            // What does not fit in any case is false, whatever else is not known of it.
            doubt: if taken.is_false() {
                None
            } else {
                seen::and(doubt, taken.doubt)
            },
        })
    }

    /// Gives the parts of a value to the names of a pattern.
    pub(super) fn taken(
        &mut self,
        pattern: &Pattern,
        value: Seen,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        match pattern {
            Pattern::Any => Ok(Answer::known(true)),
            Pattern::Bind(slot) => {
                if let Some(place) = env.get_mut(*slot) {
                    *place = value;
                }
                Ok(Answer::known(true))
            }
            Pattern::Is(term) => {
                let wanted = self.term(term, env)?;
                let answer = alike(&value, &wanted, term);
                Ok(Answer {
                    plain: answer.holds(),
                    doubt: answer.doubt,
                })
            }
            Pattern::Array(parts) => {
                let mut answer = fits(&value, matches!(value.value, Value::Array(_)), "an array");
                if let Value::Array(items) = &value.value
                    && items.len() != parts.len()
                {
                    answer = Answer {
                        plain: false,
                        doubt: value.doubt.clone(),
                    };
                }
                if answer.is_false() {
                    return Ok(answer);
                }
                for (part, index) in parts.iter().zip(0_u64..) {
                    let key = Seen::known(Value::from(index));
                    let next = self.taken_part(part, &value, &key, env)?;
                    answer = both(answer, next);
                }
                Ok(answer)
            }
            Pattern::Object(fields) => {
                let is_object = matches!(value.value, Value::Object(_));
                let mut answer = fits(&value, is_object, "an object");
                if answer.is_false() {
                    return Ok(answer);
                }
                for (key, part) in fields {
                    let key = self.term(key, env)?;
                    let next = self.taken_part(part, &value, &key, env)?;
                    answer = both(answer, next);
                }
                Ok(answer)
            }
        }
    }

    fn taken_part(
        &mut self,
        pattern: &Pattern,
        whole: &Seen,
        key: &Seen,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        let part = whole.part(key);
        let there = Answer {
            plain: part.is_defined(),
            doubt: part.doubt_as_operand(),
        };
        let next = self.taken(pattern, part, env)?;
        Ok(both(there, next))
    }
}

/// Whether a value is of the kind that a pattern takes apart.
fn fits(value: &Seen, is_of_kind: bool, wanted: &str) -> Answer {
    if let Some(doubt) = value.doubt_as_operand() {
        return Answer::unknown(is_of_kind, doubt);
    }
    if is_of_kind {
        return Answer::known(true);
    }
    match value.path() {
        Some(path) => {
            let saw = format!("{}, where {wanted} is taken apart", kind(&value.value));
            Answer::unknown(false, doubt(path, saw))
        }
        None => Answer::known(false),
    }
}
