//! What each instruction of a program means.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the bytecode has sixty instructions, of which each function looks at a few"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::rvm::instructions::{Instruction, LoopMode};
use regorus::rvm::program::{Program, RuleType};

use super::{Act, Compiled, NONE, Owner, Registers, Site, starts};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::{Body, MOST_OPERANDS};
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::slice::{Origin, Slice};

pub(super) struct Reading<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) bodies: &'a [Body],
    pub(super) by_rule: &'a BTreeMap<usize, usize>,
    pub(super) slice: &'a Slice,
    pub(super) program: &'a Arc<Program>,
}

impl Reading<'_> {
    pub(super) fn read(&self, package: &Arc<str>, sets: &[RuleSet]) -> Compiled {
        let starts = starts(self.program);
        let mut compiled = Compiled {
            program: Arc::clone(self.program),
            package: Arc::clone(package),
            sets: sets.to_vec(),
            owners: Vec::new(),
            sites: Vec::with_capacity(self.program.instructions.len()),
            code_of: BTreeMap::new(),
        };
        let nested = self.nested();
        for pc in 0..self.program.instructions.len() {
            if let Some(&(rule, _)) = starts.get(&pc) {
                let owner = self.owner(pc, rule);
                if let Some(body) = owner.body {
                    compiled.code_of.insert(body, compiled.owners.len());
                }
                compiled.owners.push(owner);
            }
            let started = starts.range(..=pc).next().is_some();
            let owner = match u32::try_from(compiled.owners.len()) {
                Ok(count) if started => count - 1,
                _ => NONE,
            };
            let at = self.origin(pc);
            let act = self.act(pc, compiled.owners.last());
            let statement = match (compiled.owners.last_mut(), at) {
                (Some(owner), Some(at)) => self.statement(owner, at.offset, act),
                _ => u16::MAX,
            };
            let line = at.map_or(0, |at| at.line);
            let nested = nested.get(pc).copied().unwrap_or(false);
            compiled.sites.push(Site {
                owner,
                statement,
                nested,
                act,
                line,
            });
        }
        backfill(&mut compiled.sites);
        compiled
    }

    fn owner(&self, pc: usize, rule: u16) -> Owner {
        // The first instruction after the parameters carries the span of the body.
        let at = self.origin(pc);
        let here = |node: &RuleNode| {
            at.is_some_and(|at| {
                node.file == at.file && node.start <= at.offset && at.offset <= node.end
            })
        };
        let info = self.program.rule_infos.get(usize::from(rule));
        let name = info
            .map(|info| info.name.trim_start_matches("data.").to_owned())
            .unwrap_or_default();
        let short = name.rsplit('.').next().unwrap_or_default();
        let rules: &[usize] = match name.rsplit_once('.') {
            Some((package, short)) => self.catalog.named(package, short),
            None => &[],
        };
        let found = rules
            .iter()
            .filter_map(|&index| Some((index, self.catalog.rules.get(index)?)))
            .find(|(_, node)| here(node));
        Owner {
            rule,
            body: found
                .and_then(|(index, _)| self.by_rule.get(&index))
                .copied(),
            file: found
                .and_then(|(_, node)| self.catalog.parsed(node))
                .map(|parsed| parsed.file.path.clone())
                .unwrap_or_default(),
            line: found.map_or(0, |(_, node)| node.line),
            name: short.to_owned(),
            order: Vec::new(),
        }
    }

    fn statement(&self, owner: &mut Owner, offset: usize, act: Act) -> u16 {
        let Some(body) = owner.body.and_then(|body| self.bodies.get(body)) else {
            return u16::MAX;
        };
        let inside = body
            .statements
            .iter()
            .position(|stmt| stmt.start <= offset && offset <= stmt.end);
        let Some(statement) = inside.and_then(|index| u16::try_from(index).ok()) else {
            return u16::MAX;
        };
        if !owner.order.contains(&statement) && !matches!(act, Act::Again) {
            owner.order.push(statement);
        }
        statement
    }

    fn origin(&self, pc: usize) -> Option<Origin> {
        let span = self.program.instruction_spans.get(pc)?.as_ref()?;
        self.slice.origin(span.line, span.column)
    }

    /// Which instructions are inside a comprehension or an `every`.
    fn nested(&self) -> Vec<bool> {
        let mut nested = vec![false; self.program.instructions.len()];
        let mut mark = |from: u16, to: u16| {
            let range = usize::from(from)..usize::from(to);
            for slot in nested.get_mut(range).unwrap_or_default() {
                *slot = true;
            }
        };
        for begin in &self.program.instruction_data.comprehension_begin_params {
            mark(begin.body_start, begin.comprehension_end);
        }
        for begin in &self.program.instruction_data.loop_params {
            if begin.mode == LoopMode::Every {
                mark(begin.body_start, begin.loop_end);
            }
        }
        nested
    }

    fn act(&self, pc: usize, owner: Option<&Owner>) -> Act {
        let Some(instruction) = self.program.instructions.get(pc) else {
            return Act::Nothing;
        };
        let info = owner.and_then(|owner| self.program.rule_infos.get(usize::from(owner.rule)));
        let result = info.map(|info| info.result_reg);
        let kind = info.map(|info| &info.rule_type);
        match *instruction {
            Instruction::BuiltinCall { params_index } => {
                return Act::Builtin { call: params_index };
            }
            Instruction::CallRule { .. } | Instruction::FunctionCall { .. } => return Act::Call,
            Instruction::LoopStart { .. } => return Act::Loop,
            Instruction::LoopNext { .. } => return Act::Again,
            Instruction::Guard { register, .. } => {
                return Act::Guard {
                    values: self.operands(pc, register),
                };
            }
            Instruction::Add { dest, left, right }
            | Instruction::Sub { dest, left, right }
            | Instruction::Mul { dest, left, right }
            | Instruction::Div { dest, left, right }
            | Instruction::Mod { dest, left, right } => {
                return Act::Arithmetic { dest, left, right };
            }
            Instruction::SetAdd { set, value } if Some(set) == result => {
                return Act::Element { value };
            }
            Instruction::ObjectSet { obj, key, value } if Some(obj) == result => {
                return Act::Entry { key, value };
            }
            Instruction::Move { dest, src }
                if Some(dest) == result && kind == Some(&RuleType::Complete) =>
            {
                return Act::Result { value: src };
            }
            _ => {}
        }
        if let Some(Instruction::Guard { register, .. }) = self.program.instructions.get(pc + 1) {
            return Act::BeforeGuard {
                register: *register,
                values: self.operands(pc + 1, *register),
                of_builtin: self.of_builtin(pc + 1, *register, 0),
            };
        }
        Act::Nothing
    }

    /// The instruction before `pc` that wrote `register`.
    fn producer(&self, pc: usize, register: u8) -> Option<(usize, Instruction)> {
        (pc.saturating_sub(64)..pc).rev().find_map(|at| {
            let instruction = *self.program.instructions.get(at)?;
            (self.dest(instruction) == Some(register)).then_some((at, instruction))
        })
    }

    fn dest(&self, instruction: Instruction) -> Option<u8> {
        let data = &self.program.instruction_data;
        match instruction {
            Instruction::Eq { dest, .. }
            | Instruction::Ne { dest, .. }
            | Instruction::Lt { dest, .. }
            | Instruction::Le { dest, .. }
            | Instruction::Gt { dest, .. }
            | Instruction::Ge { dest, .. }
            | Instruction::Not { dest, .. }
            | Instruction::Contains { dest, .. }
            | Instruction::Move { dest, .. }
            | Instruction::Add { dest, .. }
            | Instruction::Sub { dest, .. }
            | Instruction::Mul { dest, .. }
            | Instruction::Div { dest, .. }
            | Instruction::Mod { dest, .. }
            | Instruction::Index { dest, .. }
            | Instruction::IndexLiteral { dest, .. }
            | Instruction::CallRule { dest, .. }
            | Instruction::Load { dest, .. }
            | Instruction::Count { dest, .. } => Some(dest),
            Instruction::ChainedIndex { params_index } => data
                .get_chained_index_params(params_index)
                .map(|index| index.dest),
            Instruction::BuiltinCall { params_index } => data
                .get_builtin_call_params(params_index)
                .map(|call| call.dest),
            Instruction::FunctionCall { params_index } => data
                .get_function_call_params(params_index)
                .map(|call| call.dest),
            _ => None,
        }
    }

    fn operands(&self, pc: usize, register: u8) -> Registers {
        let data = &self.program.instruction_data;
        match self.producer(pc, register) {
            Some((
                _,
                Instruction::Eq { left, right, .. }
                | Instruction::Ne { left, right, .. }
                | Instruction::Lt { left, right, .. }
                | Instruction::Le { left, right, .. }
                | Instruction::Gt { left, right, .. }
                | Instruction::Ge { left, right, .. },
            )) => [Some(left), Some(right), None],
            Some((
                _,
                Instruction::Contains {
                    value, collection, ..
                },
            )) => [Some(value), Some(collection), None],
            Some((at, Instruction::Not { operand, .. })) => self.operands(at, operand),
            Some((_, Instruction::FunctionCall { params_index })) => data
                .get_function_call_params(params_index)
                .map_or([None; MOST_OPERANDS], |call| first(call.arg_registers())),
            Some((_, Instruction::BuiltinCall { params_index })) => data
                .get_builtin_call_params(params_index)
                .map_or([None; MOST_OPERANDS], |call| first(call.arg_registers())),
            _ => first(&[register]),
        }
    }

    /// Whether a value was taken out of what a built-in returned.
    fn of_builtin(&self, pc: usize, register: u8, depth: usize) -> bool {
        let Some((at, instruction)) = self.producer(pc, register).filter(|_| depth < 16) else {
            return false;
        };
        let data = &self.program.instruction_data;
        let from = |register: u8| self.of_builtin(at, register, depth + 1);
        match instruction {
            Instruction::BuiltinCall { .. } => true,
            Instruction::Index { container, .. } | Instruction::IndexLiteral { container, .. } => {
                from(container)
            }
            Instruction::ChainedIndex { params_index } => data
                .get_chained_index_params(params_index)
                .is_some_and(|index| from(index.root)),
            Instruction::Move { src, .. } => from(src),
            Instruction::Eq { left, right, .. }
            | Instruction::Ne { left, right, .. }
            | Instruction::Lt { left, right, .. }
            | Instruction::Le { left, right, .. }
            | Instruction::Gt { left, right, .. }
            | Instruction::Ge { left, right, .. } => from(left) || from(right),
            _ => false,
        }
    }
}

fn first(registers: &[u8]) -> Registers {
    std::array::from_fn(|index| registers.get(index).copied())
}

/// Instructions whose text is elsewhere (an import, a rule) belong to the statement that comes after them.
fn backfill(sites: &mut [Site]) {
    let mut next = (NONE, u16::MAX);
    for site in sites.iter_mut().rev() {
        if site.statement == u16::MAX && next.0 == site.owner {
            site.statement = next.1;
        } else if site.statement != u16::MAX {
            next = (site.owner, site.statement);
        }
    }
}
