//! A slice as bytecode.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the bytecode has sixty instructions, of which each function looks at a few"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::instructions::Instruction;
use regorus::rvm::program::Program;

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bounds;
use crate::policy::engine::catalog::Catalog;
use crate::policy::engine::parse::{place_at, position};
use crate::policy::engine::slice::Slice;

/// The clock, which the host answers with the time of the decision.
const CLOCK: &str = "time.now_ns";

/// One compiled slice.
pub(crate) struct Compiled {
    pub(crate) program: Arc<Program>,
    pub(crate) package: Arc<str>,
    /// The sets it evaluates, in the order of its entry points.
    pub(crate) sets: Vec<RuleSet>,
    /// The bodies it evaluates, by index into the bodies of the set of files.
    pub(crate) bodies: Vec<usize>,
}

/// Compiles a slice for the sets of `package` and these bodies of them.
pub(crate) fn compile(
    catalog: &Catalog,
    package: &Arc<str>,
    sets: &[RuleSet],
    bodies: &[usize],
    slice: &Slice,
) -> Result<Compiled, Box<Diagnostic>> {
    let refused = |error: &str| Box::new(refused(catalog, slice, error));
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
    let mut program = Compiler::compile_from_policy_with_host_await(&policy, &names, &[(CLOCK, 0)])
        .map_err(|error| refused(&error.to_string()))?;
    bounds::bind(Arc::make_mut(&mut program));
    if let Some(mistake) = looks_into_packages(catalog, slice, &program) {
        return Err(Box::new(mistake));
    }
    if let Some(name) = recursion(&program) {
        return Err(Box::new(recursive(catalog, &name)));
    }
    Ok(Compiled {
        program,
        package: Arc::clone(package),
        sets: sets.to_vec(),
        bodies: bodies.to_vec(),
    })
}

fn refused(catalog: &Catalog, slice: &Slice, error: &str) -> Diagnostic {
    let (at, message) = position(error);
    let place = at
        .and_then(|(line, column)| slice.origin(line, column))
        .and_then(|origin| place(catalog, origin.file, origin.offset));
    let help = help_for(&message);
    let mut mistake = Diagnostic::error("P030", message);
    mistake.help = help.map(str::to_owned);
    match place {
        Some(place) => mistake.at(place),
        None => mistake,
    }
}

/// A look-up that evaluates whole packages within one instruction: nothing of it is seen, and loops in it come out empty.
fn looks_into_packages(catalog: &Catalog, slice: &Slice, program: &Program) -> Option<Diagnostic> {
    let mut instructions = program.instructions.iter();
    let at = instructions.position(|instruction| {
        matches!(instruction, Instruction::VirtualDataDocumentLookup { .. })
    })?;
    let mistake = Diagnostic::error(
        "P037",
        "a reference looks into a package by a computed name",
    )
    .help("name the rule: `data.package.rule`");
    let span = program.instruction_spans.get(at).and_then(Option::as_ref);
    let origin = span.and_then(|span| slice.origin(span.line, span.column));
    match origin.and_then(|origin| place(catalog, origin.file, origin.offset)) {
        Some(place) => Some(mistake.at(place)),
        None => Some(mistake),
    }
}

fn help_for(message: &str) -> Option<&'static str> {
    let help = [
        ("'_'", "iterate in the body: `some x in …`"),
        (
            "Undefined variable",
            "give it a value first, or define a rule or an import of that name",
        ),
        (
            "undefined var",
            "give it a value first, or define a rule or an import of that name",
        ),
        (
            "used before definition",
            "assign it above the line that uses it",
        ),
        ("unsafe", "give it a value outside of `not`"),
        (
            "Register overflow",
            "give parts of the rule a rule of their own",
        ),
        ("unary -", "write `0 - x`"),
        (
            "should have been hoisted",
            "iterate one step at a time: `some team in data.teams` and then `some member in team.members`",
        ),
    ];
    help.into_iter()
        .find(|(part, _)| message.contains(part))
        .map(|(_, help)| help)
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
        let to = match instruction {
            Instruction::CallRule { rule_index, .. } => Some(*rule_index),
            Instruction::FunctionCall { params_index } => program
                .instruction_data
                .get_function_call_params(*params_index)
                .map(|call| call.func_rule_index),
            _ => None,
        };
        let from = starts
            .range(..=pc)
            .next_back()
            .map(|(_, &(rule, ..))| usize::from(rule));
        if let (Some(from), Some(to)) = (from, to)
            && let Some(reached) = edges.get_mut(from)
        {
            reached.push(usize::from(to));
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
            let to = edges.get(at).and_then(|reached| reached.get(next)).copied();
            if let Some(slot) = state.get_mut(at) {
                *slot = if to.is_some() { 1 } else { 2 };
            }
            let Some(to) = to else { continue };
            way.push((at, next + 1));
            match state.get(to) {
                Some(1) => {
                    let info = program.rule_infos.get(to)?;
                    return Some(info.name.trim_start_matches("data.").to_owned());
                }
                Some(0) => way.push((to, 0)),
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
