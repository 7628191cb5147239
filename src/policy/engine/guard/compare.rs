//! Comparisons of two values, and looking for one in a collection.

use regorus::Value;
use regorus::unstable::BoolOp;

use super::kinds::{self, kind};
use super::parts::has;
use super::seen::{self, Place, Seen, doubt, has_parts};
use super::term::{Operands, Term};

pub(super) fn is_null(term: &Term) -> bool {
    matches!(term, Term::Literal(Value::Null))
}

/// Whether a value is what a pattern wants.
pub(super) fn alike(value: &Seen, wanted: &Seen, term: &Term) -> Seen {
    let texts = [String::new(), String::new()];
    compared(&BoolOp::Eq, value, wanted, &texts, is_null(term))
}

pub(super) fn compared(
    operator: &BoolOp,
    left: &Seen,
    right: &Seen,
    texts: &[String; 2],
    asks_for_null: bool,
) -> Seen {
    let of = |side: &Seen| {
        if asks_for_null && side.value == Value::Null {
            side.doubt.clone()
        } else {
            side.doubt_as_operand()
        }
    };
    let why = seen::and(of(left), of(right));
    let (l, r) = (&left.value, &right.value);
    let value = if left.is_defined() && right.is_defined() {
        Value::from(match operator {
            BoolOp::Lt => l < r,
            BoolOp::Le => l <= r,
            BoolOp::Eq => l == r,
            BoolOp::Ge => l >= r,
            BoolOp::Gt => l > r,
            BoolOp::Ne => l != r,
        })
    } else {
        Value::Undefined
    };
    if why.is_some() || value == Value::Undefined {
        return Seen {
            sure: None,
            value,
            doubt: why,
            place: Place::Nowhere,
        };
    }
    let is_equality = matches!(operator, BoolOp::Eq | BoolOp::Ne);
    let [left_text, right_text] = texts;
    let mixed = if asks_for_null {
        None
    } else if left.is_of_input() || !right.is_of_input() {
        kinds::compared(l, r).map(|saw| (left.path(), left_text, saw))
    } else {
        kinds::compared(r, l).map(|saw| (right.path(), right_text, saw))
    };
    let mixed = mixed.or_else(|| {
        let saw = kinds::inside(l, r).filter(|_| is_equality && !asks_for_null)?;
        Some((left.path().or_else(|| right.path()), left_text, saw))
    });
    match mixed {
        Some((path, text, saw)) => {
            let path = path.unwrap_or_else(|| text.clone());
            Seen::unknown(value, doubt(path, saw))
        }
        None => Seen::known(value),
    }
}

pub(super) fn contained(
    value: &Seen,
    collection: &Seen,
    of: &Operands,
    asks_for_null: bool,
) -> Seen {
    let mut why = if asks_for_null {
        value.doubt.clone()
    } else {
        value.doubt_as_operand()
    };
    let of_collection = collection.doubt_as_operand();
    let has_it = |sure: &Value| has(sure, &value.value);
    if why.is_none() && collection.sure.as_ref().is_some_and(has_it) {
        return Seen::known(Value::from(true));
    }
    why = seen::and(why, of_collection);
    if !value.is_defined() || !collection.is_defined() {
        return Seen {
            sure: None,
            value: Value::Undefined,
            doubt: why,
            place: Place::Nowhere,
        };
    }
    let found = has(&collection.value, &value.value);
    if why.is_none() && !found {
        if !has_parts(&collection.value) {
            let path = collection.path().unwrap_or_else(|| of.texts[1].clone());
            let saw = format!("{}, which has no elements", kind(&collection.value));
            why = Some(doubt(path, saw));
        } else if let Some(saw) = kinds::sought(&value.value, &collection.value) {
            let path = value.path().or_else(|| collection.path());
            why = Some(doubt(path.unwrap_or_else(|| of.texts[0].clone()), saw));
        }
    }
    Seen {
        sure: None,
        value: Value::from(found),
        doubt: why,
        place: Place::Nowhere,
    }
}
