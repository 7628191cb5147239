//! The references to the input in a rule.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::HashSet;

use regorus::unstable::{Expr, Ref, Rule};

use crate::policy::engine::catalog::{Catalog, Target, prefix};
use crate::policy::engine::syntax::{self, Node};

/// One reference, the longest one at its place.
pub(super) struct Reference<'a> {
    /// The names below `input`, as far as there are only names: empty for `input` as a whole.
    pub(super) path: Vec<String>,
    pub(super) expr: &'a Ref<Expr>,
}

/// The path below `input` that an expression is, if it is one.
pub(super) fn input_path(catalog: &Catalog, file: usize, expr: &Ref<Expr>) -> Option<Vec<String>> {
    match expr.as_ref() {
        Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {}
        _ => return None,
    }
    let written = prefix(expr);
    match catalog.resolve(file, &written) {
        Target::Input(path) => Some(path),
        Target::Rules(..) | Target::Package(_) | Target::Data | Target::Other => None,
    }
}

/// All of them, in the order of the walk. `object.get(input.context, "x", …)` is one to `input.context.x`.
pub(super) fn of_rule<'a>(catalog: &Catalog, file: usize, rule: &'a Rule) -> Vec<Reference<'a>> {
    let mut found = Vec::new();
    let mut inner: HashSet<*const Expr> = HashSet::new();
    syntax::walk_rule(rule, &mut |node| {
        let Node::Expr(expr) = node else { return };
        match expr.as_ref() {
            Expr::Call { fcn, params, .. } => {
                if let (Some(["object", "get"]), [object, key, ..]) =
                    (syntax::dotted(fcn).as_deref(), params.as_slice())
                    && let Some(mut path) = input_path(catalog, file, object)
                    && let Some(key) = syntax::string(key)
                {
                    path.push(key.to_owned());
                    inner.insert(std::ptr::from_ref(object.as_ref()));
                    found.push(Reference { path, expr });
                }
            }
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                if let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = expr.as_ref() {
                    inner.insert(std::ptr::from_ref(refr.as_ref()));
                }
                if !inner.contains(&std::ptr::from_ref(expr.as_ref()))
                    && let Some(path) = input_path(catalog, file, expr)
                {
                    found.push(Reference { path, expr });
                }
            }
            _ => {}
        }
    });
    found
}
