//! What is allowed in rules and probably not meant: one file for each kind of thing that is looked at. A set that is looked
//! at here serves, so everything in it parses and resolves.

mod conditions;
mod names;
mod paths;
mod references;
mod sets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regorus::unstable::{Expr, Query, Ref, Rule, RuleHead, Span};

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::{Route, decides, route, set_named, written};
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::{self, Parsed};
use crate::policy::folder::PolicyFiles;
use crate::policy::metadata::{self, FileMetadata};
use crate::policy::schemas::Schemas;

/// All that is found in the rules of `files`.
pub(crate) fn lint(files: &PolicyFiles, schemas: &Schemas) -> Vec<Diagnostic> {
    let parsed = || files.rego.iter().filter_map(|file| parse::parse(file).ok());
    let catalog = Catalog::new(parsed().collect());
    let everything = Catalog::with_tests(parsed().collect());
    let about: Vec<FileMetadata> = catalog
        .files
        .iter()
        .map(|file| metadata::read(&file.file).unwrap_or_default())
        .collect();
    let house = House::new(&catalog, &about);
    let mut found = Vec::new();
    conditions::lint(&house, &mut found);
    sets::lint(&house, &mut found);
    paths::lint(&house, schemas, &mut found);
    names::lint(&house, &everything, &mut found);
    found
}

/// The rules of a set, as the lints look at them.
struct House<'a> {
    catalog: &'a Catalog,
    /// By index of the file.
    about: &'a [FileMetadata],
    bodies: Vec<SetBody<'a>>,
    /// For every rule that decisions reach, the actions of the bodies that reach it; `None` for every action.
    reached: BTreeMap<usize, Option<BTreeSet<String>>>,
}

/// One body of `approve`, `reject` or `escalate`.
struct SetBody<'a> {
    index: usize,
    rule: &'a RuleNode,
    set: RuleSet,
    query: Option<&'a Query>,
    /// The element.
    key: &'a Ref<Expr>,
    route: Route,
}

impl<'a> House<'a> {
    fn new(catalog: &'a Catalog, about: &'a [FileMetadata]) -> Self {
        let bodies: Vec<SetBody<'a>> = catalog
            .rules
            .iter()
            .enumerate()
            .filter_map(|(index, rule)| {
                let set = set_named(&rule.name).filter(|_| decides(&rule.package))?;
                let Rule::Spec {
                    head: RuleHead::Set { key: Some(key), .. },
                    bodies,
                    ..
                } = rule.rule.as_ref()
                else {
                    return None;
                };
                let query = bodies.first().map(|body| body.query.as_ref());
                Some(SetBody {
                    index,
                    rule,
                    set,
                    query,
                    key,
                    route: query.map_or(Route::Always, route),
                })
            })
            .collect();
        let mut reached: BTreeMap<usize, Option<BTreeSet<String>>> = BTreeMap::new();
        for body in &bodies {
            for rule in catalog.reach(&[body.index]) {
                let actions = reached.entry(rule).or_insert_with(|| Some(BTreeSet::new()));
                match (&body.route, actions) {
                    (Route::Actions(more), Some(actions)) => actions.extend(more.iter().cloned()),
                    (Route::Always, actions) => *actions = None,
                    (Route::Actions(_), None) => {}
                }
            }
        }
        Self {
            catalog,
            about,
            bodies,
            reached,
        }
    }

    fn parsed(&self, rule: &RuleNode) -> Option<&'a Parsed> {
        self.catalog.parsed(rule)
    }

    /// The text of a span on one line.
    fn text(&self, rule: &RuleNode, span: &Span) -> String {
        let parsed = self.parsed(rule);
        parsed.map_or_else(String::new, |parsed| written(span, &parsed.file.text))
    }

    fn place(&self, rule: &RuleNode, span: &Span) -> Option<Place> {
        Some(self.parsed(rule)?.place(span))
    }

    /// The first line of a rule.
    fn head(&self, rule: &RuleNode) -> Option<Place> {
        let file = &self.parsed(rule)?.file;
        let text = file.text.get(rule.start..rule.end)?;
        let line = text.lines().next().unwrap_or_default().trim_end();
        Some(Place {
            file: file.path.clone(),
            text: Arc::clone(&file.text),
            start: rule.start,
            end: rule.start + line.len(),
        })
    }
}

/// A warning at a place, if there is one.
fn warning(
    code: &'static str,
    message: impl Into<String>,
    place: Option<Place>,
    help: impl Into<String>,
) -> Diagnostic {
    let warning = Diagnostic::warning(code, message).help(help);
    match place {
        Some(place) => warning.at(place),
        None => warning,
    }
}
