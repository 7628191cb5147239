//! One run of one program by the engine's virtual machine: the second opinion.
//!
//! The guard works out what each rule gives and how much of it is known; the machine only says which elements each set
//! has. An approval stands only where the two agree.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use regorus::Value;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason, VmError};
use regorus::utils::limits::ExecutionTimerConfig;

/// How many instructions are run between two looks at the clock.
const INSTRUCTIONS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// What a run may use.
#[derive(Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) instructions: usize,
    pub(crate) time: Duration,
    pub(crate) now: Timestamp,
}

/// Why a run did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    /// It used up what it may use, or the machine could not be had.
    #[error("{0}")]
    Off(String),
    /// An instruction failed on its values.
    #[error("{0}")]
    On(String),
}

/// What a set of the program holds, by its entry point.
pub(crate) fn run(vm: &mut RegoVM, entry: usize, allowed: Allowance) -> Result<Value, Broken> {
    vm.set_max_instructions(allowed.instructions);
    vm.set_execution_timer_config(Some(ExecutionTimerConfig {
        limit: allowed.time,
        check_interval: INSTRUCTIONS_BETWEEN_LOOKS,
    }));
    // It stops where it asks for the time, and nowhere else. The other mode is faster and never comes to the end of a
    // comprehension without a loop.
    vm.set_execution_mode(ExecutionMode::Suspendable);
    let mut outcome = vm.execute_entry_point_by_index(entry);
    while let ExecutionState::Suspended { reason, .. } = vm.execution_state() {
        if outcome.is_err() {
            break;
        }
        let answer = match reason {
            SuspendReason::HostAwait { .. } => {
                let nanoseconds = i64::try_from(allowed.now.as_nanosecond()).unwrap_or(i64::MAX);
                Some(Value::from(nanoseconds))
            }
            SuspendReason::Step
            | SuspendReason::SuspendInstruction
            | SuspendReason::Breakpoint { .. }
            | SuspendReason::InstructionLimit
            | SuspendReason::External => None,
        };
        outcome = vm.resume(answer);
    }
    outcome.map_err(|error| {
        if matches!(error, VmError::InstructionLimitExceeded { .. }) {
            Broken::Off("it took more than the instruction budget".to_owned())
        } else if matches!(error, VmError::TimeLimitExceeded { .. }) {
            Broken::Off("it took longer than the time budget".to_owned())
        } else {
            Broken::On(error.to_string())
        }
    })
}
