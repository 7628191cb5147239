//! Values of different kinds that were compared with each other.
//!
//! Every value has a place in the order of all values, so a comparison of a text with a number comes out true or false
//! and says nothing: `true < 100` holds. A veto that ended at one does not clear anything.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the bytecode has sixty instructions, of which each function looks at a few"
)]

use regorus::Value;
use regorus::rvm::instructions::{Instruction, LiteralOrRegister};
use regorus::rvm::program::Program;

use crate::policy::engine::evidence::kind;

/// How deep two collections are compared.
const DEEPEST: usize = 8;

/// What was compared with what, if the two could never have been alike.
pub(super) fn mixed(
    program: &Program,
    instruction: Instruction,
    registers: &[Value],
) -> Option<String> {
    let value = |register: u8| {
        registers
            .get(usize::from(register))
            .unwrap_or(&Value::Undefined)
    };
    match instruction {
        Instruction::Eq { left, right, .. } | Instruction::Ne { left, right, .. } => {
            let (left, right) = (value(left), value(right));
            // To compare with null is to ask whether something is there.
            let asks = *left == Value::Null || *right == Value::Null;
            if asks {
                None
            } else {
                compared(left, right).or_else(|| inside(left, right, 0))
            }
        }
        Instruction::Lt { left, right, .. }
        | Instruction::Le { left, right, .. }
        | Instruction::Gt { left, right, .. }
        | Instruction::Ge { left, right, .. } => compared(value(left), value(right)),
        Instruction::Contains {
            value: member,
            collection,
            ..
        } => sought(value(member), value(collection)),
        Instruction::Index {
            dest,
            container,
            key,
        } if *value(dest) == Value::Undefined => looked_up(value(container), value(key)),
        Instruction::ChainedIndex { params_index } => {
            let params = program
                .instruction_data
                .get_chained_index_params(params_index)?;
            if *value(params.dest) != Value::Undefined {
                return None;
            }
            let mut at = value(params.root);
            for part in &params.path_components {
                let key = match part {
                    LiteralOrRegister::Literal(index) => {
                        program.literals.get(usize::from(*index))?
                    }
                    LiteralOrRegister::Register(register) => value(*register),
                };
                if at[key] == Value::Undefined {
                    return looked_up(at, key);
                }
                at = &at[key];
            }
            None
        }
        Instruction::BuiltinCall { params_index } => {
            let params = program
                .instruction_data
                .get_builtin_call_params(params_index)?;
            let name = &program.get_builtin_info(params.builtin_index)?.name;
            let given = params.arg_registers().first().map(|&first| value(first))?;
            let is_number_of = name == "to_number" && matches!(given, Value::Bool(_));
            is_number_of.then(|| "a boolean, which is no number".to_owned())
        }
        _ => None,
    }
}

fn is_same(a: &Value, b: &Value) -> bool {
    kind(a) == kind(b)
}

fn compared(left: &Value, right: &Value) -> Option<String> {
    let defined = *left != Value::Undefined && *right != Value::Undefined;
    (defined && !is_same(left, right))
        .then(|| format!("{}, compared with {}", kind(left), kind(right)))
}

/// Parts of different kinds at the same place of two collections.
fn inside(left: &Value, right: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let parts = |left: &Value, right: &Value| {
        let asks = *left == Value::Null || *right == Value::Null;
        let mixed = if asks { None } else { compared(left, right) };
        mixed.or_else(|| inside(left, right, depth + 1))
    };
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut pairs = left.iter().zip(right.iter());
            pairs.find_map(|(left, right)| parts(left, right))
        }
        (Value::Object(left), Value::Object(_)) => left
            .iter_sorted()
            .find_map(|(key, value)| parts(value, &right[key])),
        (Value::Set(left), Value::Set(_)) => {
            let mut all = left.iter_sorted();
            all.find_map(|member| sought(member, right))
        }
        _ => None,
    }
}

fn sought(member: &Value, collection: &Value) -> Option<String> {
    if *member == Value::Undefined || *member == Value::Null {
        return None;
    }
    let mut any = false;
    let mut alike = |other: &Value| {
        any = true;
        is_same(member, other)
    };
    let found = match collection {
        Value::Array(items) => items.iter().any(&mut alike),
        Value::Set(items) => items.iter_sorted().any(&mut alike),
        Value::Object(fields) => fields.iter_sorted().any(|(_, value)| alike(value)),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return None;
        }
    };
    (any && !found).then(|| format!("{} among values of other kinds", kind(member)))
}

fn looked_up(container: &Value, key: &Value) -> Option<String> {
    if *key == Value::Undefined || *key == Value::Null {
        return None;
    }
    let mut any = false;
    let mut alike = |other: &Value| {
        any = true;
        is_same(key, other)
    };
    let found = match container {
        Value::Object(fields) => fields.iter_sorted().any(|(key, _)| alike(key)),
        Value::Set(items) => items.iter_sorted().any(&mut alike),
        Value::Array(items) => items.is_empty() || matches!(key, Value::Number(_)),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return None;
        }
    };
    let is_array = matches!(container, Value::Array(_));
    ((any || is_array) && !found).then(|| format!("{} as a key among others", kind(key)))
}
