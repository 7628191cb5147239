//! A slice as bytecode, with what each instruction means to a decision.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::instructions::{Instruction, LoopMode};
use regorus::rvm::program::{Program, RuleType};

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::{Body, MOST_OPERANDS};
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::{place_at, position};
use crate::policy::engine::slice::{Origin, Slice};

/// The clock, which the host answers with the time of the decision.
const CLOCK: &str = "time.now_ns";

/// One compiled slice.
pub(crate) struct Compiled {
    pub(crate) program: Arc<Program>,
    pub(crate) package: Arc<str>,
    /// The sets it evaluates, in the order of its entry points.
    pub(crate) sets: Vec<RuleSet>,
    pub(crate) owners: Vec<Owner>,
    /// By program counter.
    pub(crate) sites: Vec<Site>,
    /// Body to the owner of its code.
    pub(crate) code_of: BTreeMap<usize, usize>,
}

/// A body of a rule in the bytecode.
pub(crate) struct Owner {
    pub(crate) rule: u16,
    /// The set's body that it is, by index into the bodies of the set of files.
    pub(crate) body: Option<usize>,
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Statements in the order they are evaluated.
    pub(crate) order: Vec<u16>,
}

/// What an instruction is.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) owner: u32,
    /// The statement of the set's body it belongs to.
    pub(crate) statement: u16,
    /// Whether it is inside a comprehension or an `every`.
    pub(crate) nested: bool,
    pub(crate) act: Act,
    pub(crate) line: u32,
}

/// What to look at when an instruction has run.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    Nothing,
    /// The next instruction asks whether this register holds; `values` are the operands it was made of.
    BeforeGuard {
        register: u8,
        values: Registers,
        of_builtin: bool,
    },
    /// It asked.
    Guard {
        values: Registers,
    },
    /// Two numbers were put together.
    Arithmetic {
        dest: u8,
        left: u8,
        right: u8,
    },
    /// An element was added to a set.
    Element {
        value: u8,
    },
    /// A complete rule or a function got its value.
    Result {
        value: u8,
    },
    /// A partial object got a key.
    Entry {
        key: u8,
        value: u8,
    },
    /// A built-in ran, with this place in the table of calls.
    Builtin {
        call: u16,
    },
    /// A rule or function was entered, or its result was at hand.
    Call,
    /// A loop over elements began.
    Loop,
    /// A loop came round.
    Again,
}

/// Registers of the operands of a condition.
pub(crate) type Registers = [Option<u8>; MOST_OPERANDS];

/// No owner.
pub(crate) const NONE: u32 = u32::MAX;

/// Compiles a slice for the sets of `package`. `by_rule` finds a body by its rule.
pub(crate) fn compile(
    catalog: &Catalog,
    bodies: &[Body],
    by_rule: &BTreeMap<usize, usize>,
    package: &Arc<str>,
    sets: &[RuleSet],
    slice: &Slice,
) -> Result<Compiled, Diagnostic> {
    let refused = |error: &str| refused(catalog, slice, error);
    let mut engine = Engine::new();
    for file in &slice.files {
        engine
            .add_policy(file.path.clone(), file.text.clone())
            .map_err(|error| refused(&error.to_string()))?;
    }
    let entries: Vec<String> = sets
        .iter()
        .map(|set| format!("data.{package}.{set}"))
        .collect();
    let names: Vec<&str> = entries.iter().map(String::as_str).collect();
    let first: Arc<str> = names.first().copied().unwrap_or_default().into();
    let policy = engine
        .compile_with_entrypoint(&first)
        .map_err(|error| refused(&error.to_string()))?;
    let program = Compiler::compile_from_policy_with_host_await(&policy, &names, &[(CLOCK, 0)])
        .map_err(|error| refused(&error.to_string()))?;
    if let Some(name) = recursion(&program) {
        return Err(recursive(catalog, &name));
    }
    Ok(Reading {
        catalog,
        bodies,
        by_rule,
        slice,
        program: &program,
    }
    .read(package, sets))
}

fn refused(catalog: &Catalog, slice: &Slice, error: &str) -> Diagnostic {
    let (at, message) = position(error);
    let place = at
        .and_then(|(line, column)| slice.origin(line, column))
        .and_then(|origin| place(catalog, origin.file, origin.offset));
    let mistake = Diagnostic::error("P030", message);
    match place {
        Some(place) => mistake.at(place),
        None => mistake,
    }
}

fn place(catalog: &Catalog, file: usize, start: usize) -> Option<Place> {
    let file = &catalog.files.get(file)?.file;
    let before = file.text.get(..start)?;
    let line = before.matches('\n').count() + 1;
    let column: usize = before
        .rsplit('\n')
        .next()?
        .chars()
        .map(|c| if c == '\t' { 4 } else { 1 })
        .sum();
    Some(place_at(file, line, column + 1))
}

fn recursive(catalog: &Catalog, name: &str) -> Diagnostic {
    let mistake = Diagnostic::error("P031", format!("`{name}` needs itself"))
        .help("rules and functions must not be recursive; iterate with `some … in` instead");
    let path: Vec<&str> = name.split('.').collect();
    let rule = match path.split_last() {
        Some((rule, package)) => catalog.named(&package.join("."), rule).first().copied(),
        None => None,
    };
    let node = rule.and_then(|rule| catalog.rules.get(rule));
    match node.and_then(|node| Some((node, catalog.parsed(node)?))) {
        Some((node, parsed)) => mistake.at(place_at(&parsed.file, node.line as usize, 1)),
        None => mistake,
    }
}

/// The name of a rule that reaches itself. The bytecode's virtual machine would exhaust the stack on it.
fn recursion(program: &Program) -> Option<String> {
    let starts = starts(program);
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); program.rule_infos.len()];
    for (pc, instruction) in program.instructions.iter().enumerate() {
        let callee = match instruction {
            Instruction::CallRule { rule_index, .. } => Some(*rule_index),
            Instruction::FunctionCall { params_index } => program
                .instruction_data
                .get_function_call_params(*params_index)
                .map(|call| call.func_rule_index),
            _ => None,
        };
        let caller = starts
            .range(..=pc)
            .next_back()
            .map(|(_, &(rule, ..))| usize::from(rule));
        if let (Some(caller), Some(callee)) = (caller, callee)
            && let Some(callees) = edges.get_mut(caller)
        {
            callees.push(usize::from(callee));
        }
    }
    // 0 not seen, 1 on the way, 2 done.
    let mut state = vec![0_u8; edges.len()];
    for root in 0..edges.len() {
        let mut way = vec![(root, 0_usize)];
        while let Some((at, next)) = way.pop() {
            if next == 0 {
                match state.get(at) {
                    Some(0) => {}
                    _ => continue,
                }
            }
            let callee = edges.get(at).and_then(|callees| callees.get(next)).copied();
            if let Some(slot) = state.get_mut(at) {
                *slot = if callee.is_some() { 1 } else { 2 };
            }
            let Some(callee) = callee else { continue };
            way.push((at, next + 1));
            match state.get(callee) {
                Some(1) => {
                    let info = program.rule_infos.get(callee)?;
                    return Some(info.name.trim_start_matches("data.").to_owned());
                }
                Some(0) => way.push((callee, 0)),
                _ => {}
            }
        }
    }
    None
}

/// Where the code of each body begins: rule, definition, body.
fn starts(program: &Program) -> BTreeMap<usize, (u16, bool)> {
    let mut starts = BTreeMap::new();
    for (info, rule) in program.rule_infos.iter().zip(0_u16..) {
        for start in info.destructuring_blocks.iter().flatten() {
            starts.insert(*start as usize, (rule, false));
        }
        for start in info.definitions.iter().flatten() {
            starts.insert(*start as usize, (rule, true));
        }
    }
    starts
}

struct Reading<'a> {
    catalog: &'a Catalog,
    bodies: &'a [Body],
    by_rule: &'a BTreeMap<usize, usize>,
    slice: &'a Slice,
    program: &'a Arc<Program>,
}

impl Reading<'_> {
    fn read(&self, package: &Arc<str>, sets: &[RuleSet]) -> Compiled {
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
            (self.dest(&instruction) == Some(register)).then_some((at, instruction))
        })
    }

    fn dest(&self, instruction: &Instruction) -> Option<u8> {
        let data = &self.program.instruction_data;
        match *instruction {
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
