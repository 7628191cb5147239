//! The schemas that METADATA binds to rules, and for which requests.

use std::collections::BTreeSet;

use crate::diagnostic::Place;
use crate::policy::engine::bodies::{Body, Route};
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::{Parsed, place_at};
use crate::policy::metadata::{FileMetadata, Metadata, SchemaUse};

/// One entry of a `schemas` annotation.
pub(crate) struct Annotation {
    pub(crate) entry: SchemaUse,
    /// Where its block begins.
    pub(crate) place: Place,
    /// The bodies that rest on a rule it speaks of.
    pub(crate) bodies: Vec<Annotated>,
}

/// A body of a set that an annotation speaks of.
pub(crate) struct Annotated {
    pub(crate) id: String,
    /// The actions that the body is looked at for; `None` for all.
    pub(crate) actions: Option<BTreeSet<String>>,
}

/// What a block speaks of.
enum Scope<'a> {
    Rule { file: usize, line: u32 },
    Document { package: &'a str, name: &'a str },
    Package(&'a str),
    Subpackages(&'a str),
}

impl Scope<'_> {
    fn covers(&self, rule: &RuleNode) -> bool {
        match self {
            Self::Rule { file, line } => rule.file == *file && rule.line == *line,
            Self::Document { package, name } => &*rule.package == *package && rule.name == *name,
            Self::Package(package) => &*rule.package == *package,
            Self::Subpackages(package) => {
                let below = rule.package.strip_prefix(package);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }
}

/// All of them. `metadata` is by index of the file. A rule's annotation is for every body that rests on it, through however
/// many others.
pub(crate) fn annotations(
    catalog: &Catalog,
    metadata: &[FileMetadata],
    bodies: &[Body],
) -> Vec<Annotation> {
    let mut found = Vec::new();
    for (file, about) in metadata.iter().enumerate() {
        let Some(parsed) = catalog.files.get(file) else {
            continue;
        };
        if let Some(block) = &about.package {
            let scope = if block.is_wide {
                Scope::Subpackages(&parsed.package)
            } else {
                Scope::Package(&parsed.package)
            };
            entries(block, parsed, &scope, &mut found, catalog, bodies);
        }
        for (&line, block) in &about.rules {
            let named = catalog
                .rules
                .iter()
                .find(|rule| block.is_wide && rule.file == file && rule.line == line);
            let scope = match named {
                Some(rule) => Scope::Document {
                    package: &rule.package,
                    name: &rule.name,
                },
                None => Scope::Rule { file, line },
            };
            entries(block, parsed, &scope, &mut found, catalog, bodies);
        }
    }
    found
}

fn entries(
    block: &Metadata,
    parsed: &Parsed,
    scope: &Scope<'_>,
    found: &mut Vec<Annotation>,
    catalog: &Catalog,
    bodies: &[Body],
) {
    if block.schemas.is_empty() {
        return;
    }
    let rests_on = |body: &&Body| {
        let reached = catalog.reach(&[body.rule]);
        let mut rules = reached.iter().filter_map(|&rule| catalog.rules.get(rule));
        rules.any(|rule| scope.covers(rule))
    };
    let annotated: Vec<&Body> = bodies.iter().filter(rests_on).collect();
    for entry in &block.schemas {
        found.push(Annotation {
            entry: entry.clone(),
            place: place_at(&parsed.file, block.line as usize, 1),
            bodies: annotated
                .iter()
                .map(|body| Annotated {
                    id: body.id.clone(),
                    actions: match &body.route {
                        Route::Always => None,
                        Route::Actions(actions) => Some(actions.clone()),
                    },
                })
                .collect(),
        });
    }
}
