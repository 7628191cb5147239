//! From files to programs: all of it, or all that is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::annotations::{self, Annotation};
use crate::policy::engine::bodies::{self, Body, Route, decides, set_named};
use crate::policy::engine::catalog::{Catalog, name_of};
use crate::policy::engine::guard::Guard;
use crate::policy::engine::parse::{self, Parsed, bytes_of};
use crate::policy::engine::program::{self, Compiled};
use crate::policy::engine::slice::Slice;
use crate::policy::engine::{Document, admission, chains};
use crate::policy::folder::PolicyFiles;
use crate::policy::metadata;

/// Most bodies of one program.
const MOST_BODIES: usize = 200;

/// A set of files, ready to evaluate.
pub(crate) struct Policies {
    pub(crate) bodies: Vec<Body>,
    pub(crate) guard: Guard,
    pub(crate) slices: Vec<Compiled>,
    /// Programs by action.
    actions: HashMap<String, Vec<usize>>,
    /// Programs for every request.
    always: Vec<usize>,
    pub(crate) data: Document,
    /// The schemas that METADATA binds to rules.
    pub(crate) annotations: Vec<Annotation>,
    /// Lives as long as the set: threads drop their machines when it is gone.
    pub(crate) alive: Arc<()>,
}

impl Policies {
    /// The programs a request with this action is evaluated by.
    pub(crate) fn route(&self, action: Option<&str>) -> impl Iterator<Item = usize> + '_ {
        let routed = action.and_then(|action| self.actions.get(action));
        self.always
            .iter()
            .chain(routed.into_iter().flatten())
            .copied()
    }

    /// The first body that is routed by action, a veto if there is one.
    pub(crate) fn first_routed(&self) -> Option<&Body> {
        let routed = |body: &&Body| body.route != Route::Always;
        let veto = self
            .bodies
            .iter()
            .filter(routed)
            .find(|body| body.set != RuleSet::Approve);
        veto.or_else(|| self.bodies.iter().find(routed))
    }
}

/// Compiles a set. The warnings of one that loads come with it.
pub(crate) fn load(files: &PolicyFiles) -> Result<(Policies, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let mut parsed = Vec::new();
    let mut about = Vec::new();
    for file in &files.rego {
        match (parse::parse(file), metadata::read(file)) {
            (Ok(tree), Ok(found)) => {
                if !tree.is_test() {
                    about.push(found);
                }
                parsed.push(tree);
            }
            (tree, found) => {
                mistakes.extend(tree.err().into_iter().flatten());
                mistakes.extend(found.err().into_iter().flatten());
            }
        }
    }
    let data = Document::of(&files.data);
    if let Err(error) = &data {
        mistakes.push(Diagnostic::error(
            "P020",
            format!("the data files cannot be used: {error}"),
        ));
    }
    mistakes.extend(among_tests(&parsed));
    let complete = mistakes.is_empty();
    let catalog = Catalog::new(parsed);
    let roots: Vec<usize> = (0..catalog.rules.len())
        .filter(|&index| {
            catalog
                .rules
                .get(index)
                .is_some_and(|rule| decides(&rule.package) && set_named(&rule.name).is_some())
        })
        .collect();
    let serving = catalog.reach(&roots);
    mistakes.extend(overlaps(&catalog, &files.data));
    mistakes.extend(
        chains::check(&catalog)
            .into_iter()
            .filter(|mistake| mistake.code == "P038"),
    );
    let found = admission::check(&catalog, &serving);
    // A name that is not there may be in the file that did not parse.
    mistakes.extend(
        found
            .into_iter()
            .filter(|mistake| complete || mistake.code != "P032"),
    );
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let bodies = bodies::bodies(&catalog, &about);
    let warnings = warnings(&catalog, &bodies);
    let annotations = annotations::annotations(&catalog, &about, &bodies);
    let mut builder = Builder {
        catalog: &catalog,
        bodies: &bodies,
        slices: Vec::new(),
        made: HashMap::new(),
        mistakes: Vec::new(),
    };
    let (actions, always) = builder.build();
    let (slices, mistakes) = (builder.slices, builder.mistakes);
    let data = data.map_err(|_| Vec::new())?;
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let guard = Guard::new(&catalog, &serving, &data.0);
    let unreached = unreached_elses(&catalog, &guard);
    if !unreached.is_empty() {
        return Err(unreached);
    }
    Ok((
        Policies {
            bodies,
            guard,
            slices,
            actions,
            always,
            data,
            annotations,
            alive: Arc::new(()),
        },
        warnings,
    ))
}

fn warnings(catalog: &Catalog, bodies: &[Body]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for body in bodies.iter().filter(|body| body.route == Route::Always) {
        let rule = catalog.rules.get(body.rule);
        if let Some((rule, parsed)) = rule.and_then(|rule| Some((rule, catalog.parsed(rule)?))) {
            warnings.push(admission::always(parsed, rule, &body.id));
        }
    }
    warnings
}

/// Bodies of the sets where only tests are looked for: nobody would ever look at them.
fn among_tests(parsed: &[Parsed]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let tests = parsed
        .iter()
        .filter(|file| file.is_test() && decides(&file.package));
    for file in tests {
        for rule in &file.module.policy {
            let name = name_of(rule).filter(|name| name == "limit" || set_named(name).is_some());
            if let Some(name) = name {
                let (start, _) = bytes_of(rule.span(), &file.file.text);
                found.push(
                    Diagnostic::error(
                        "P014",
                        format!("nothing looks at `{name}` in a file or a package of tests"),
                    )
                    .at(head_of(file, start))
                    .help("names that end in `_test` are for tests; give the file and the package another one"),
                );
            }
        }
    }
    found
}

/// Data where a rule is: the interpreter would let it override the rule.
fn overlaps(catalog: &Catalog, data: &serde_json::Value) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for rule in &catalog.rules {
        let Some(parsed) = catalog.parsed(rule) else {
            continue;
        };
        let path = format!("{}.{}", rule.package, rule.name);
        let mut at = Some(data);
        let mut taken = false;
        for part in path.split('.') {
            taken |= at.is_some_and(|value| !value.is_object());
            at = at.and_then(|value| value.get(part));
        }
        if (taken || at.is_some()) && seen.insert(path.clone()) {
            found.push(
                Diagnostic::error(
                    "P021",
                    format!("the data files and a rule both define `data.{path}`"),
                )
                .at(head_of(parsed, rule.start))
                .help("move the data to another folder or key, or rename the rule"),
            );
        }
    }
    found
}

/// An `else` that the engine's machine does not come to where the body above it runs over elements and none holds.
fn unreached_elses(catalog: &Catalog, guard: &Guard) -> Vec<Diagnostic> {
    let rules = guard.unreached_elses();
    rules
        .into_iter()
        .filter_map(|rule| {
            let rule = catalog.rules.get(rule)?;
            let mistake = Diagnostic::error(
                "P041",
                "an `else` below a body that runs over elements is not supported in rules that decide",
            );
            Some(
                mistake
                    .at(head_of(catalog.parsed(rule)?, rule.start))
                    .help("give the loop a rule of its own, `any_large if some item in …`, and ask for that in the body"),
            )
        })
        .collect()
}

fn head_of(parsed: &Parsed, start: usize) -> Place {
    let rest = parsed.file.text.get(start..).unwrap_or_default();
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    Place {
        file: parsed.file.path.clone(),
        text: Arc::clone(&parsed.file.text),
        start,
        end: start + word,
    }
}

struct Builder<'a> {
    catalog: &'a Catalog,
    bodies: &'a [Body],
    slices: Vec<Compiled>,
    /// Programs by the bodies they are for.
    made: HashMap<Vec<usize>, Vec<usize>>,
    mistakes: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn build(&mut self) -> (HashMap<String, Vec<usize>>, Vec<usize>) {
        let mut always: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut routed: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, body) in self.bodies.iter().enumerate() {
            match &body.route {
                Route::Always => always.entry(&body.package).or_default().push(index),
                Route::Actions(actions) => {
                    for action in actions {
                        routed
                            .entry((action, &body.package))
                            .or_default()
                            .push(index);
                    }
                }
            }
        }
        let always = always
            .into_values()
            .flat_map(|group| self.programs(group))
            .collect();
        let mut actions: HashMap<String, Vec<usize>> = HashMap::new();
        for ((action, _), group) in routed {
            let programs = self.programs(group);
            actions
                .entry(action.to_owned())
                .or_default()
                .extend(programs);
        }
        (actions, always)
    }

    fn programs(&mut self, group: Vec<usize>) -> Vec<usize> {
        if let Some(made) = self.made.get(&group) {
            return made.clone();
        }
        let mut programs = Vec::new();
        for part in group.chunks(MOST_BODIES) {
            match self.compile(part) {
                Ok(compiled) => {
                    programs.push(self.slices.len());
                    self.slices.push(compiled);
                }
                Err(mistake) => self.each(part, *mistake),
            }
        }
        self.made.insert(group, programs.clone());
        programs
    }

    /// The engine stops at its first mistake: what is wrong with the others is found one by one.
    fn each(&mut self, part: &[usize], first: Diagnostic) {
        let mut found = Vec::new();
        if part.len() > 1 {
            found.extend(
                part.iter()
                    .filter_map(|&body| self.compile(&[body]).err())
                    .map(|mistake| *mistake),
            );
        }
        if found.is_empty() {
            found.push(first);
        }
        for mistake in found {
            if !self.mistakes.contains(&mistake) {
                self.mistakes.push(mistake);
            }
        }
    }

    fn compile(&self, part: &[usize]) -> Result<Compiled, Box<Diagnostic>> {
        let bodies = || part.iter().filter_map(|&body| self.bodies.get(body));
        let rules: Vec<usize> = bodies().map(|body| body.rule).collect();
        let sets: BTreeSet<RuleSet> = bodies().map(|body| body.set).collect();
        let sets: Vec<RuleSet> = sets.into_iter().collect();
        let package = bodies()
            .next()
            .map(|body| Arc::clone(&body.package))
            .unwrap_or_default();
        let slice = Slice::new(self.catalog, &self.catalog.reach(&rules));
        program::compile(self.catalog, &package, &sets, part, &slice)
    }
}
