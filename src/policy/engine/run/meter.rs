//! How much a run has made.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the bytecode has sixty instructions, of which each function looks at a few"
)]

use regorus::Value;
use regorus::rvm::instructions::Instruction;
use regorus::rvm::program::Program;

use crate::policy::engine::bounds::weigh;

/// Most that one run may make, by weight.
const MOST_MADE: usize = 64 << 20;

/// Counts what a run makes, so that values that double and double again do not fill the memory or, where they share
/// their parts, take ages to compare.
#[derive(Default)]
pub(super) struct Meter {
    made: usize,
}

impl Meter {
    /// Counts what the instruction made. The error says what is too much.
    pub(super) fn count(
        &mut self,
        program: &Program,
        instruction: Instruction,
        registers: &[Value],
    ) -> Result<(), &'static str> {
        let data = &program.instruction_data;
        let value = match instruction {
            Instruction::Mul { dest, .. }
            | Instruction::Add { dest, .. }
            | Instruction::Sub { dest, .. } => {
                return match registers.get(usize::from(dest)) {
                    Some(value) if is_too_large(value) => Err("it made a number beyond 1e308"),
                    _ => Ok(()),
                };
            }
            Instruction::BuiltinCall { params_index } => data
                .get_builtin_call_params(params_index)
                .map(|call| call.dest),
            Instruction::ArrayCreate { params_index } => data
                .get_array_create_params(params_index)
                .map(|made| made.dest),
            Instruction::SetCreate { params_index } => data
                .get_set_create_params(params_index)
                .map(|made| made.dest),
            Instruction::ObjectCreate { params_index } => data
                .get_object_create_params(params_index)
                .map(|made| made.dest),
            Instruction::ComprehensionYield { value_reg, .. } => Some(value_reg),
            Instruction::ArrayPush { value, .. }
            | Instruction::SetAdd { value, .. }
            | Instruction::ObjectSet { value, .. } => Some(value),
            _ => return Ok(()),
        };
        let value = value.and_then(|register| registers.get(usize::from(register)));
        if let Some(value) = value {
            if is_too_large(value) {
                return Err("it made a number beyond 1e308");
            }
            self.made = weigh(value, self.made, MOST_MADE);
        }
        if self.made > MOST_MADE {
            return Err("it made more than the memory budget");
        }
        Ok(())
    }
}

/// Whole numbers are exact and grow without end; one that no fraction could be as large as has gone astray.
fn is_too_large(value: &Value) -> bool {
    let Ok(number) = value.as_number() else {
        return false;
    };
    if number.as_i64().is_some() || number.as_u64().is_some() {
        return false;
    }
    *value > Value::from(f64::MAX) || *value < Value::from(f64::MIN)
}
