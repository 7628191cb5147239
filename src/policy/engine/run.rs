//! One run of one program, watched step by step.
//!
//! The bytecode's virtual machine says of a rule only that it held or that it did not. What made it so is seen in the
//! steps: which statement was the last one reached, what its operands were, whether a built-in failed on the way.
//! A decision is made of what is seen here, never of the bare result.

use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;
use regorus::rvm::instructions::Instruction;
use regorus::rvm::vm::{ExecutionMode, ExecutionState, RegoVM, SuspendReason, VmError};

use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::Body;
use crate::policy::engine::program::{Act, Compiled, NONE, Registers, Site};
use crate::policy::engine::show;

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
    let mut watch = Watch {
        compiled,
        bodies,
        frames: Vec::new(),
        tracks: tracks(compiled, bodies, set),
        seen: Seen::default(),
    };
    let mut outcome = vm.execute_entry_point_by_index(entry);
    loop {
        let (reason, pc) = match vm.execution_state() {
            ExecutionState::Suspended { reason, pc, .. } => (reason.clone(), *pc),
            ExecutionState::Ready
            | ExecutionState::Running
            | ExecutionState::Completed { .. }
            | ExecutionState::Error { .. } => break,
        };
        if outcome.is_err() {
            break;
        }
        watch.seen.steps += 1;
        if watch.seen.steps % 64 == 0 && Instant::now() > allowed.until {
            watch.seen.broken = Some("it took longer than the time budget".to_owned());
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
        watch.seen.broken = Some(match error {
            VmError::InstructionLimitExceeded { .. } => {
                "it took more than the instruction budget".to_owned()
            }
            VmError::TimeLimitExceeded { .. } => "it took longer than the time budget".to_owned(),
            error => error.to_string(),
        });
    }
    watch.finish()
}

fn tracks(compiled: &Compiled, bodies: &[Body], set: RuleSet) -> Vec<Track> {
    let of_set = |&(&body, _): &(&usize, &usize)| {
        bodies
            .get(body)
            .is_some_and(|at| at.set == set && at.package == compiled.package)
    };
    compiled
        .code_of
        .iter()
        .filter(of_set)
        .map(|(&body, &owner)| Track {
            body,
            owner,
            ..Track::default()
        })
        .collect()
}

/// One body of the set that is run.
#[derive(Default)]
struct Track {
    body: usize,
    owner: usize,
    elements: Vec<(Value, Vec<Operands>)>,
    operands: Vec<Operands>,
    /// The furthest instruction that ran.
    furthest: Option<usize>,
    /// The statement of the first loop over elements.
    loops_from: Option<u16>,
    /// The last statement in evaluation order that was looked at.
    reached: u16,
}

/// A body that is being evaluated: at index 0 one of the set, above it those of rules it called.
struct Frame {
    owner: u32,
    last: usize,
    /// The statement before a question came out undefined, from what a built-in returned.
    doubtful: Option<usize>,
    /// A built-in was not even called since an argument was undefined.
    skipped: bool,
    result: Option<Value>,
    entries: Vec<(Value, Value)>,
}

struct Watch<'a> {
    compiled: &'a Compiled,
    bodies: &'a [Body],
    frames: Vec<Frame>,
    tracks: Vec<Track>,
    seen: Seen,
}

impl Watch<'_> {
    fn step(&mut self, pc: usize, depth: usize, registers: &[Value]) {
        let Some((site, level)) = self.touch(pc, depth) else {
            return;
        };
        let value = |register: u8| {
            registers
                .get(usize::from(register))
                .unwrap_or(&Value::Undefined)
        };
        match site.act {
            Act::BeforeGuard {
                register,
                values,
                of_builtin,
            } => {
                let doubtful = of_builtin && *value(register) == Value::Undefined;
                if let Some(frame) = self.frames.get_mut(level) {
                    frame.doubtful = doubtful.then_some(pc);
                }
                self.note(site, level, values, registers);
            }
            Act::Guard { values } => self.note(site, level, values, registers),
            Act::Element { value: element } => self.element(site, level, value(element)),
            Act::Result { value: result } => self.result(level, value(result)),
            Act::Entry { key, value: entry } => self.entry(level, value(key), value(entry)),
            Act::Builtin { call } => self.builtin(level, call, registers),
            Act::Arithmetic { dest, left, right } => {
                let undefined = |register: u8| *value(register) == Value::Undefined;
                if undefined(dest) && !undefined(left) && !undefined(right) {
                    let (left, right) = (show(value(left)), show(value(right)));
                    self.trouble_here(
                        level,
                        pc,
                        format!("the arithmetic failed on {left} and {right}"),
                    );
                }
            }
            Act::Loop => self.begin_loop(site, level),
            Act::Call | Act::Again | Act::Nothing => {}
        }
        // A question may come right after a built-in: what it was asked of is known only now.
        if let (
            Act::Builtin { .. } | Act::Arithmetic { .. },
            Some(Site {
                act: Act::Guard { values },
                ..
            }),
        ) = (site.act, self.compiled.sites.get(pc + 1).copied())
        {
            self.note(site, level, values, registers);
        }
    }

    /// Finds the frame an instruction ran in; those above it have ended.
    fn touch(&mut self, pc: usize, depth: usize) -> Option<(Site, usize)> {
        let site = *self.compiled.sites.get(pc)?;
        if site.owner == NONE || depth == 0 {
            self.leave(0);
            return None;
        }
        // A call is reported when the callee's frame exists already.
        let level = match (site.act, depth.checked_sub(2)) {
            (Act::Call, Some(caller))
                if self
                    .frames
                    .get(caller)
                    .is_some_and(|frame| frame.owner == site.owner) =>
            {
                caller
            }
            _ => depth - 1,
        };
        self.leave(level + 1);
        match self.frames.get(level).map(|frame| frame.owner) {
            Some(owner) if owner == site.owner => {}
            Some(owner) => {
                let ended = self.frames.pop();
                let same = self.rule_of(owner) == self.rule_of(site.owner);
                if let Some(ended) = &ended {
                    self.end(ended);
                }
                let (result, entries) = match ended {
                    Some(ended) if same => (ended.result, ended.entries),
                    _ => (None, Vec::new()),
                };
                self.frames.push(Frame {
                    owner: site.owner,
                    last: pc,
                    doubtful: None,
                    skipped: false,
                    result,
                    entries,
                });
            }
            None => self.frames.push(Frame {
                owner: site.owner,
                last: pc,
                doubtful: None,
                skipped: false,
                result: None,
                entries: Vec::new(),
            }),
        }
        if let Some(frame) = self.frames.get_mut(level) {
            frame.last = pc;
        }
        if level == 0
            && let Some(order) = self.order_of(site)
            && let Some(track) = self.track(site.owner)
        {
            track.furthest = track.furthest.max(Some(pc));
            if !matches!(site.act, Act::Again) {
                track.reached = track.reached.max(order);
            }
        }
        Some((site, level))
    }

    fn rule_of(&self, owner: u32) -> Option<u16> {
        self.compiled
            .owners
            .get(owner as usize)
            .map(|owner| owner.rule)
    }

    fn order_of(&self, site: Site) -> Option<u16> {
        let owner = self.compiled.owners.get(site.owner as usize)?;
        let order = owner
            .order
            .iter()
            .position(|&statement| statement == site.statement)?;
        u16::try_from(order).ok()
    }

    fn track(&mut self, owner: u32) -> Option<&mut Track> {
        self.tracks
            .iter_mut()
            .find(|track| track.owner == owner as usize)
    }

    /// Ends all frames from `level` up.
    fn leave(&mut self, level: usize) {
        while self.frames.len() > level {
            if let Some(frame) = self.frames.pop() {
                self.end(&frame);
            }
        }
    }

    fn end(&mut self, frame: &Frame) {
        let next = self.compiled.program.instructions.get(frame.last + 1);
        let jumped = matches!(
            self.compiled.program.instructions.get(frame.last),
            Some(Instruction::LoopStart { .. } | Instruction::LoopNext { .. })
        );
        let raises = matches!(
            next,
            Some(
                Instruction::Add { .. }
                    | Instruction::Sub { .. }
                    | Instruction::Mul { .. }
                    | Instruction::Div { .. }
                    | Instruction::Mod { .. }
                    | Instruction::BuiltinCall { .. }
            )
        );
        if raises && !jumped {
            self.trouble(
                frame,
                frame.last + 1,
                "the arithmetic failed".to_owned(),
                false,
            );
        }
        let asked = matches!(next, Some(Instruction::Guard { .. }));
        if asked && frame.doubtful == Some(frame.last) && !frame.skipped {
            let message = "could not be evaluated: a part that is not there was taken out of what a built-in returned";
            self.trouble(frame, frame.last, message.to_owned(), true);
        }
    }

    fn trouble(&mut self, frame: &Frame, pc: usize, message: String, undefined: bool) {
        let owner = self.compiled.owners.get(frame.owner as usize);
        let line = self.compiled.sites.get(pc).map_or(0, |site| site.line);
        // The frame itself is off the stack already when it has ended; with none below, it is the one of the set.
        let (root, at) = self
            .frames
            .first()
            .map_or((frame.owner, pc), |root| (root.owner, root.last));
        let site = self.compiled.sites.get(at);
        let body = self
            .compiled
            .owners
            .get(root as usize)
            .and_then(|owner| owner.body);
        self.seen.troubles.push(Trouble {
            body: body.zip(site.map(|site| usize::from(site.statement))),
            file: owner.map(|owner| owner.file.clone()).unwrap_or_default(),
            line: if line == 0 {
                owner.map_or(0, |owner| owner.line)
            } else {
                line
            },
            message,
            undefined,
        });
    }

    fn trouble_here(&mut self, level: usize, pc: usize, message: String) {
        let Some(frame) = self.frames.get(level) else {
            return;
        };
        let frame = Frame {
            owner: frame.owner,
            last: frame.last,
            doubtful: None,
            skipped: false,
            result: None,
            entries: Vec::new(),
        };
        self.trouble(&frame, pc, message, false);
    }

    fn note(&mut self, site: Site, level: usize, values: Registers, registers: &[Value]) {
        if level != 0 || site.nested || site.statement == u16::MAX {
            return;
        }
        let count = self
            .compiled
            .owners
            .get(site.owner as usize)
            .and_then(|owner| owner.body);
        let count = count
            .and_then(|body| self.bodies.get(body))
            .map_or(0, |body| body.statements.len());
        let Some(track) = self.track(site.owner) else {
            return;
        };
        track.operands.resize(count, Vec::new());
        if let Some(slot) = track.operands.get_mut(usize::from(site.statement)) {
            slot.clear();
            slot.extend(values.iter().flatten().map(|&register| {
                registers
                    .get(usize::from(register))
                    .cloned()
                    .unwrap_or(Value::Undefined)
            }));
        }
    }

    fn element(&mut self, site: Site, level: usize, element: &Value) {
        if level != 0 || *element == Value::Undefined {
            return;
        }
        if let Some(track) = self.track(site.owner)
            && !track.elements.iter().any(|(given, _)| given == element)
        {
            let operands = track.operands.clone();
            track.elements.push((element.clone(), operands));
        }
    }

    fn begin_loop(&mut self, site: Site, level: usize) {
        if level == 0
            && !site.nested
            && let Some(order) = self.order_of(site)
            && let Some(track) = self.track(site.owner)
        {
            track.loops_from = Some(track.loops_from.map_or(order, |from| from.min(order)));
        }
    }

    fn result(&mut self, level: usize, value: &Value) {
        let Some(frame) = self
            .frames
            .get_mut(level)
            .filter(|_| *value != Value::Undefined)
        else {
            return;
        };
        let (owner, last) = (frame.owner, frame.last);
        let before = frame.result.replace(value.clone());
        if let Some(before) = before.filter(|before| before != value) {
            let name = self
                .compiled
                .owners
                .get(owner as usize)
                .map(|owner| owner.name.clone())
                .unwrap_or_default();
            self.trouble_here(
                level,
                last,
                format!("`{name}` has two values: {before} and {value}"),
            );
        }
    }

    fn entry(&mut self, level: usize, key: &Value, value: &Value) {
        let Some(frame) = self.frames.get_mut(level) else {
            return;
        };
        let (owner, last) = (frame.owner, frame.last);
        let clash = frame
            .entries
            .iter()
            .find(|(known, before)| known == key && before != value)
            .is_some();
        frame.entries.push((key.clone(), value.clone()));
        if clash {
            let name = self
                .compiled
                .owners
                .get(owner as usize)
                .map(|owner| owner.name.clone())
                .unwrap_or_default();
            self.trouble_here(
                level,
                last,
                format!("`{name}` has two values for the key {key}"),
            );
        }
    }

    fn builtin(&mut self, level: usize, call: u16, registers: &[Value]) {
        let program = &self.compiled.program;
        let Some(params) = program.instruction_data.get_builtin_call_params(call) else {
            return;
        };
        let value = |register: u8| {
            registers
                .get(usize::from(register))
                .unwrap_or(&Value::Undefined)
        };
        if *value(params.dest) != Value::Undefined {
            return;
        }
        let arguments: Vec<&Value> = params
            .arg_registers()
            .iter()
            .map(|&register| value(register))
            .collect();
        if arguments.contains(&&Value::Undefined) {
            if let Some(frame) = self.frames.get_mut(level) {
                frame.skipped = true;
            }
            return;
        }
        let name = program
            .get_builtin_info(params.builtin_index)
            .map_or("a built-in", |info| info.name.as_str());
        let shown: Vec<String> = arguments.into_iter().map(show).collect();
        let message = format!("`{name}` failed on {}", shown.join(", "));
        let mut last = 0;
        if let Some(frame) = self.frames.get_mut(level) {
            // What comes of it is undefined for this reason and needs no other.
            frame.skipped = true;
            last = frame.last;
        }
        self.trouble_here(level, last, message);
    }

    fn finish(mut self) -> Seen {
        for track in self.tracks {
            let stopped = if track.elements.is_empty() {
                stopped(self.compiled, &track)
            } else {
                vec![]
            };
            self.seen.bodies.push(BodySeen {
                body: track.body,
                elements: track.elements,
                stopped,
            });
        }
        self.seen
    }
}

/// The statements at which a body ended without an element: one, or with a loop all from the loop to the last one that
/// any round looked at.
fn stopped(compiled: &Compiled, track: &Track) -> Vec<usize> {
    let Some(owner) = compiled.owners.get(track.owner) else {
        return vec![];
    };
    let range = match (track.loops_from, track.furthest) {
        (Some(from), _) => usize::from(from)..usize::from(track.reached) + 1,
        (None, Some(furthest)) => {
            let next = compiled.sites.get(furthest + 1);
            let at = next
                .filter(|site| site.owner as usize == track.owner)
                .and_then(|site| {
                    owner
                        .order
                        .iter()
                        .position(|&statement| statement == site.statement)
                });
            match at {
                Some(at) => at..at + 1,
                None => usize::from(track.reached)..usize::from(track.reached) + 1,
            }
        }
        // It was never begun: nothing is known of it.
        (None, None) => 0..owner.order.len(),
    };
    owner
        .order
        .get(range)
        .unwrap_or(&owner.order)
        .iter()
        .map(|&statement| usize::from(statement))
        .collect()
}
