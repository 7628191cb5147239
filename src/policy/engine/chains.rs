//! How rules reach each other: never in a circle of functions, never through more than a few dozen others.
//!
//! The interpreter that runs a set's tests calls itself for every function it calls, and a stack that overflows ends the
//! process. It finds circles of rules by itself; it does not find circles of functions.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Rule, RuleHead};

use crate::diagnostic::Diagnostic;
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::syntax::{self, Node};

/// Most rules that one rule may reach through each other.
const LONGEST_CHAIN: usize = 64;

/// Functions that need themselves, and rules at the top of a chain that is too long.
pub(crate) fn check(catalog: &Catalog) -> Vec<Diagnostic> {
    let calls: Vec<Vec<usize>> = catalog
        .rules
        .iter()
        .map(|rule| calls(catalog, rule))
        .collect();
    let needs: Vec<Vec<usize>> = catalog
        .rules
        .iter()
        .map(|rule| rule.needs.clone())
        .collect();
    let circle = chain(&calls).circle.map(|at| {
        (
            at,
            "P031",
            "needs itself",
            "rules and functions must not be recursive; iterate with `some … in` instead",
        )
    });
    let long = chain(&needs).long.map(|at| {
        (
            at,
            "P038",
            "rests on a chain of more than 64 rules",
            "put some of them together",
        )
    });
    [circle, long]
        .into_iter()
        .flatten()
        .filter_map(|(at, code, what, help)| {
            let rule = catalog.rules.get(at)?;
            let place = catalog.parsed(rule)?.place(rule.rule.span());
            Some(
                Diagnostic::error(code, format!("`{}` {what}", rule.name))
                    .at(place)
                    .help(help),
            )
        })
        .collect()
}

/// The functions that a function calls.
fn calls(catalog: &Catalog, rule: &RuleNode) -> Vec<usize> {
    let is_function = |rule: &Rule| {
        matches!(
            rule,
            Rule::Spec {
                head: RuleHead::Func { .. },
                ..
            }
        )
    };
    if !is_function(&rule.rule) {
        return vec![];
    }
    let mut found = BTreeSet::new();
    syntax::walk_rule(&rule.rule, &mut |node| {
        if let Node::Expr(expr) = node
            && let Expr::Call { fcn, .. } = expr.as_ref()
            && let Some(path) = syntax::dotted(fcn)
            && let Some(rules) = catalog.calls(rule.file, &path)
        {
            found.extend(rules);
        }
    });
    found.retain(|&rule| {
        let rule = catalog.rules.get(rule);
        rule.is_some_and(|rule| is_function(&rule.rule))
    });
    found.into_iter().collect()
}

#[derive(Default)]
struct Chain {
    /// A rule of the first circle.
    circle: Option<usize>,
    /// The first rule found at the top of a chain that is too long.
    long: Option<usize>,
}

fn chain(edges: &[Vec<usize>]) -> Chain {
    let mut found = Chain::default();
    // How long the chain below is, once it is known; `usize::MAX` while it is being looked at.
    let mut below: Vec<Option<usize>> = vec![None; edges.len()];
    for root in 0..edges.len() {
        let mut way = vec![(root, 0_usize)];
        while let Some((at, next)) = way.pop() {
            if next == 0 {
                match below.get_mut(at) {
                    Some(slot @ None) => *slot = Some(usize::MAX),
                    _ => continue,
                }
            }
            let reached = edges.get(at).map_or(&[][..], Vec::as_slice);
            if let Some(&to) = reached.get(next) {
                way.push((at, next + 1));
                match below.get(to).copied().flatten() {
                    Some(usize::MAX) => found.circle = found.circle.or(Some(to)),
                    Some(_) => {}
                    None => way.push((to, 0)),
                }
                continue;
            }
            let longest = reached
                .iter()
                .filter_map(|&to| below.get(to).copied().flatten())
                .filter(|&length| length != usize::MAX)
                .max();
            let length = longest.map_or(0, |length| length + 1);
            if length > LONGEST_CHAIN {
                found.long = found.long.or(Some(at));
            }
            if let Some(slot) = below.get_mut(at) {
                *slot = Some(length);
            }
        }
    }
    found
}
