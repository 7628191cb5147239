//! One run of one program, watched step by step.
//!
//! The bytecode's virtual machine says of a rule only that it held or that it did not. What made it so is seen in the
//! steps: which statement was the last one reached, what its operands were, whether a built-in failed on the way.
//! A decision is made of what is seen here, never of the bare result.

mod kinds;
mod meter;
mod tracks;
mod watch;

use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason, VmError};

use crate::policy::engine::bodies::Body;
use crate::policy::engine::program::Compiled;
use meter::Meter;
use watch::Watch;

/// How many steps are taken between two looks at the clock.
const STEPS_BETWEEN_LOOKS: usize = 16;

/// What one run of a set's program showed.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) bodies: Vec<BodySeen>,
    pub(crate) troubles: Vec<Trouble>,
    /// The run did not come to its end.
    pub(crate) broken: Option<String>,
    pub(crate) steps: usize,
}

/// What was seen of one body.
#[derive(Default)]
pub(crate) struct BodySeen {
    /// By index into the bodies of the set of files.
    pub(crate) body: usize,
    /// The elements it gave, each with the operands of every statement at that time.
    pub(crate) elements: Vec<(Value, Vec<Operands>)>,
    /// The statements at which it ended without giving one. Empty when it gave one.
    pub(crate) stopped: Vec<usize>,
    /// Statements at which values of different kinds were compared, and which.
    pub(crate) mixed: Vec<(usize, String)>,
}

/// The values of a statement's operands as they were last seen.
pub(crate) type Operands = Vec<Value>;

/// Something in the policy that failed.
pub(crate) struct Trouble {
    /// The body in which it happened and the statement of that body.
    pub(crate) body: Option<(usize, usize)>,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) message: String,
    /// An undefined result rather than an error: it matters where the body is a veto.
    pub(crate) undefined: bool,
}

/// What a run may use.
#[derive(Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) instructions: usize,
    pub(crate) until: Instant,
    pub(crate) now: Timestamp,
}

/// Runs the program for one of its sets.
pub(crate) fn run(
    vm: &mut RegoVM,
    compiled: &Compiled,
    bodies: &[Body],
    entry: usize,
    allowed: Allowance,
) -> Seen {
    let Some(&set) = compiled.sets.get(entry) else {
        return Seen::default();
    };
    vm.set_max_instructions(allowed.instructions);
    vm.set_execution_mode(ExecutionMode::Suspendable);
    vm.set_step_mode(true);
    let mut watch = Watch::new(compiled, bodies, set);
    let mut meter = Meter::default();
    let mut outcome = vm.execute_entry_point_by_index(entry);
    while let ExecutionState::Suspended { reason, pc, .. } = vm.execution_state() {
        let (reason, pc) = (reason.clone(), *pc);
        if outcome.is_err() {
            break;
        }
        watch.seen.steps += 1;
        if watch.seen.steps.is_multiple_of(STEPS_BETWEEN_LOOKS) && Instant::now() > allowed.until {
            watch.seen.broken = Some("it took longer than the time budget".to_owned());
            break;
        }
        let made =
            compiled.program.instructions.get(pc).map(|&instruction| {
                meter.count(&compiled.program, instruction, vm.get_registers())
            });
        if let Some(Err(too_much)) = made {
            watch.seen.broken = Some(too_much.to_owned());
            break;
        }
        outcome = match reason {
            SuspendReason::HostAwait { .. } => {
                let nanoseconds = i64::try_from(allowed.now.as_nanosecond()).unwrap_or(i64::MAX);
                watch.touch(pc, vm.get_call_stack().len());
                vm.resume(Some(Value::from(nanoseconds)))
            }
            SuspendReason::Step
            | SuspendReason::SuspendInstruction
            | SuspendReason::Breakpoint { .. }
            | SuspendReason::InstructionLimit
            | SuspendReason::External => {
                watch.step(pc, vm.get_call_stack().len(), vm.get_registers());
                vm.resume(None)
            }
        };
    }
    watch.leave(0);
    if let Err(error) = outcome {
        watch.seen.broken = Some(
            if matches!(error, VmError::InstructionLimitExceeded { .. }) {
                "it took more than the instruction budget".to_owned()
            } else {
                error.to_string()
            },
        );
    }
    watch.finish()
}
