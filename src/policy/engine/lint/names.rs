//! Names that nobody uses: helpers, imports, variables, METADATA of nothing.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{AssignOp, Expr, Literal, Span};

use super::{House, warning};
use crate::diagnostic::Diagnostic;
use crate::policy::engine::bodies::{decides, set_named};
use crate::policy::engine::catalog::{Catalog, RuleNode, prefix};
use crate::policy::engine::parse::{Parsed, place_at};
use crate::policy::engine::syntax::{self, Node};

/// `everything` holds the tests too.
pub(super) fn lint(house: &House<'_>, everything: &Catalog, found: &mut Vec<Diagnostic>) {
    helpers(everything, found);
    imports(everything, found);
    for rule in &house.catalog.rules {
        variables(house, rule, found);
    }
    for (file, about) in house.catalog.files.iter().zip(house.about) {
        for &line in &about.detached {
            found.push(warning(
                "CS014",
                "this METADATA speaks of nothing",
                Some(place_at(&file.file, line as usize, 1)),
                "put it right above its rule or its package, with no empty line between",
            ));
        }
    }
}

/// Rules that neither a set nor a test reaches.
fn helpers(everything: &Catalog, found: &mut Vec<Diagnostic>) {
    let is_test = |rule: &RuleNode| {
        rule.name.starts_with("test_")
            || rule.name.starts_with("todo_")
            || everything.parsed(rule).is_some_and(Parsed::is_test)
    };
    let is_root = |rule: &RuleNode| {
        is_test(rule) || (decides(&rule.package) && set_named(&rule.name).is_some())
    };
    let roots: Vec<usize> = everything
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| is_root(rule))
        .map(|(index, _)| index)
        .collect();
    let reached = everything.reach(&roots);
    let mut told = BTreeSet::new();
    for (index, rule) in everything.rules.iter().enumerate() {
        if reached.contains(&index) || !told.insert((&rule.package, &rule.name)) {
            continue;
        }
        let Some(parsed) = everything.parsed(rule) else {
            continue;
        };
        found.push(warning(
            "CS006",
            format!("nothing uses `{}`", rule.name),
            Some(place_at(&parsed.file, rule.line as usize, 1)),
            "remove it, or write the rule or the test that was to use it",
        ));
    }
}

/// Imports whose name no file of the package writes: the engine knows them by package.
fn imports(everything: &Catalog, found: &mut Vec<Diagnostic>) {
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &everything.files {
        let names = used.entry(&file.package).or_default();
        for rule in &file.module.policy {
            syntax::walk_rule(rule, &mut |node| match node {
                Node::Expr(expr) => names.extend(root(expr)),
                Node::Stmt(stmt) => {
                    for with in &stmt.with_mods {
                        names.extend(prefix(&with.refr).first());
                    }
                }
            });
        }
    }
    for file in &everything.files {
        for import in &file.module.imports {
            let Some(path) = syntax::dotted(&import.refr) else {
                continue;
            };
            if !matches!(path.first(), Some(&("data" | "input"))) {
                continue;
            }
            let name = import.r#as.as_ref().map(Span::text);
            let Some(name) = name.or_else(|| path.last().copied()) else {
                continue;
            };
            if !used
                .get(file.package.as_str())
                .is_some_and(|names| names.contains(name))
            {
                found.push(warning(
                    "CS010",
                    format!("nothing uses the import `{name}`"),
                    Some(file.place(&import.span)),
                    "remove it",
                ));
            }
        }
    }
}

/// The name that a variable, or the name of a called function, begins with.
fn root(expr: &regorus::unstable::Ref<Expr>) -> Option<&str> {
    match expr.as_ref() {
        Expr::Var { .. } => syntax::variable(expr),
        Expr::Call { fcn, .. } => prefix(fcn).first().copied(),
        _ => None,
    }
}

/// Variables that get a value, or are declared, and are never looked at.
fn variables(house: &House<'_>, rule: &RuleNode, found: &mut Vec<Diagnostic>) {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    let mut given: Vec<(&str, &Span, usize)> = Vec::new();
    syntax::walk_rule(&rule.rule, &mut |node| match node {
        Node::Expr(expr) => {
            if let Some(name) = root(expr) {
                *times.entry(name).or_default() += 1;
            }
            if let Expr::AssignExpr {
                op: AssignOp::ColEq,
                lhs,
                ..
            } = expr.as_ref()
                && let Some(name) = syntax::variable(lhs)
            {
                given.push((name, lhs.span(), 1));
            }
        }
        Node::Stmt(stmt) => {
            if let Literal::SomeVars { vars, .. } = &stmt.literal {
                given.extend(vars.iter().map(|span| (span.text(), span, 0)));
            }
        }
    });
    for (name, span, own) in given {
        if !name.starts_with('_') && times.get(name).copied().unwrap_or_default() <= own {
            found.push(warning(
                "CS011",
                format!("nothing looks at `{name}`"),
                house.place(rule, span),
                "remove it, or use it where it was meant",
            ));
        }
    }
}
