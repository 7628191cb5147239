//! What the steps of a run show.

mod given;

use std::collections::BTreeMap;

use regorus::Value;
use regorus::rvm::instructions::Instruction;

use super::kinds;
use super::tracks::{Track, stopped, tracks};
use super::{BodySeen, Seen, Trouble};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::Body;
use crate::policy::engine::program::{Act, Compiled, NONE, Registers, Site};
use crate::policy::engine::show;

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

pub(super) struct Watch<'a> {
    compiled: &'a Compiled,
    bodies: &'a [Body],
    frames: Vec<Frame>,
    tracks: Vec<Track>,
    /// Rules that compared values of different kinds: what they gave is at hand and is not computed again.
    mixed: BTreeMap<u16, String>,
    pub(super) seen: Seen,
}

impl<'a> Watch<'a> {
    pub(super) fn new(compiled: &'a Compiled, bodies: &'a [Body], set: RuleSet) -> Self {
        Self {
            compiled,
            bodies,
            frames: Vec::new(),
            tracks: tracks(compiled, bodies, set),
            mixed: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    pub(super) fn step(&mut self, pc: usize, depth: usize, registers: &[Value]) {
        let Some((site, level)) = self.touch(pc, depth) else {
            return;
        };
        let value = |register: u8| {
            registers
                .get(usize::from(register))
                .unwrap_or(&Value::Undefined)
        };
        self.kinds(pc, registers);
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

    /// Notes a comparison of values of different kinds with the statement it was made for and the rules it was made in.
    fn kinds(&mut self, pc: usize, registers: &[Value]) {
        let program = &self.compiled.program;
        let Some(&instruction) = program.instructions.get(pc) else {
            return;
        };
        let mixed = if let Instruction::CallRule { rule_index, .. } = instruction {
            self.mixed.get(&rule_index).cloned()
        } else {
            kinds::mixed(program, instruction, registers)
        };
        let Some(mixed) = mixed else { return };
        let rules: Vec<u16> = self
            .frames
            .iter()
            .skip(1)
            .filter_map(|frame| self.rule_of(frame.owner))
            .collect();
        for rule in rules {
            self.mixed.entry(rule).or_insert_with(|| mixed.clone());
        }
        let root = self.frames.first().map(|root| (root.owner, root.last));
        let Some((owner, last)) = root else { return };
        let statement = self.compiled.sites.get(last).map(|site| site.statement);
        if let (Some(statement), Some(track)) = (statement, self.track(owner))
            && !track
                .mixed
                .iter()
                .any(|(known, _)| *known == usize::from(statement))
        {
            track.mixed.push((usize::from(statement), mixed));
        }
    }

    /// Finds the frame an instruction ran in; those above it have ended.
    pub(super) fn touch(&mut self, pc: usize, depth: usize) -> Option<(Site, usize)> {
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
        let at = self
            .tracks
            .binary_search_by_key(&(owner as usize), |track| track.owner);
        self.tracks.get_mut(at.ok()?)
    }

    /// Ends all frames from `level` up.
    pub(super) fn leave(&mut self, level: usize) {
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

    pub(super) fn finish(mut self) -> Seen {
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
                mixed: track.mixed,
            });
        }
        self.seen
    }
}
