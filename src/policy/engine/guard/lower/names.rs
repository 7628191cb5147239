//! Which names a query has, and which of its steps give them their values.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query as Written, Ref};

use super::Frame;
use crate::policy::engine::catalog::{Target, is_builtin};
use crate::policy::engine::guard::term::Slot;
use crate::policy::engine::syntax::{self, Node};

/// What a statement needs before it can be evaluated, and what it can give a value.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) needs: BTreeSet<Slot>,
    pub(super) gives: BTreeSet<Slot>,
}

impl Frame<'_> {
    /// Declares the names of a query in the innermost scope.
    pub(super) fn declare_all(&mut self, query: &Written) {
        for stmt in &query.stmts {
            match &stmt.literal {
                Literal::SomeVars { vars, .. } => {
                    for var in vars {
                        self.declare(var.text());
                    }
                }
                Literal::SomeIn { key, value, .. } => {
                    for pattern in key.iter().chain([value]) {
                        self.declare_pattern(pattern);
                    }
                }
                Literal::Expr { expr, .. } => {
                    if let Expr::AssignExpr {
                        op: AssignOp::ColEq,
                        lhs,
                        ..
                    } = expr.as_ref()
                    {
                        self.declare_pattern(lhs);
                    }
                }
                Literal::NotExpr { .. } | Literal::Every { .. } => {}
            }
        }
        for stmt in &query.stmts {
            match &stmt.literal {
                Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
                Literal::SomeIn { collection, .. } => self.declare_level(collection),
                Literal::Expr { expr, .. } => self.declare_level(expr),
                Literal::Every { domain, .. } => self.declare_level(domain),
            }
        }
    }

    /// Declares the names of a pattern anew.
    pub(super) fn declare_pattern(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::Var { .. } => {
                if let Some(name) = syntax::variable(expr).filter(|name| *name != "_")
                    && !self
                        .scopes
                        .last()
                        .is_some_and(|scope| scope.contains_key(name))
                {
                    self.declare(name);
                }
            }
            Expr::Array { items, .. } => {
                for item in items {
                    self.declare_pattern(item);
                }
            }
            Expr::Object { fields, .. } => {
                for (_, _, value) in fields {
                    self.declare_pattern(value);
                }
            }
            _ => {}
        }
    }

    /// Declares the names of an expression that mean nothing yet.
    pub(super) fn declare_level(&mut self, expr: &Ref<Expr>) {
        let mut names = Vec::new();
        level(expr, &mut |at| {
            if let Some(name) = syntax::variable(at) {
                names.push(name.to_owned());
            }
        });
        for name in names {
            if name != "_" && self.local(&name).is_none() && self.is_nothing(&name) {
                self.declare(&name);
            }
        }
    }

    fn is_nothing(&self, name: &str) -> bool {
        name != "input"
            && name != "data"
            && !is_builtin(name)
            && matches!(
                self.roots.catalog.resolve(self.file, &[name]),
                Target::Other
            )
    }

    /// What a statement needs and gives.
    pub(super) fn uses(&self, stmt: &LiteralStmt) -> Uses {
        let mut uses = Uses::default();
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                for pattern in key.iter().chain([value]) {
                    self.taken_apart(pattern, &mut uses);
                }
                self.used(collection, &mut uses);
            }
            Literal::NotExpr { expr, .. } => self.inside(|see| syntax::walk(expr, see), &mut uses),
            Literal::Every { domain, query, .. } => {
                self.used(domain, &mut uses);
                self.inside(|see| syntax::walk_query(query, see), &mut uses);
            }
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr {
                    op: AssignOp::ColEq,
                    lhs,
                    rhs,
                    ..
                } => {
                    self.taken_apart(lhs, &mut uses);
                    self.used(rhs, &mut uses);
                }
                Expr::AssignExpr {
                    op: AssignOp::Eq,
                    lhs,
                    rhs,
                    ..
                } => uses = self.united(lhs, rhs),
                _ => self.used(expr, &mut uses),
            },
        }
        uses.needs.retain(|slot| !uses.gives.contains(slot));
        uses
    }

    /// Either side may give the other's names their values, once all of it has one.
    fn united(&self, lhs: &Ref<Expr>, rhs: &Ref<Expr>) -> Uses {
        let side = |value: &Ref<Expr>, pattern: &Ref<Expr>| {
            let mut uses = Uses::default();
            self.taken_apart(pattern, &mut uses);
            let mut of_value = Uses::default();
            self.used(value, &mut of_value);
            uses.needs.extend(of_value.needs);
            uses.gives.retain(|slot| !uses.needs.contains(slot));
            uses.gives.extend(of_value.gives);
            uses
        };
        let (left, right) = (side(lhs, rhs), side(rhs, lhs));
        if left.needs.is_empty() { left } else { right }
    }

    /// Whether an expression has its value: all its names do.
    pub(super) fn has_value(&self, expr: &Ref<Expr>) -> bool {
        let mut uses = Uses::default();
        self.used(expr, &mut uses);
        uses.needs.is_empty()
    }

    fn taken_apart(&self, expr: &Ref<Expr>, uses: &mut Uses) {
        match expr.as_ref() {
            Expr::Var { .. } => {
                if let Some(slot) = syntax::variable(expr).and_then(|name| self.local(name))
                    && !self.is_bound(slot)
                {
                    uses.gives.insert(slot);
                }
            }
            Expr::Array { items, .. } => {
                for item in items {
                    self.taken_apart(item, uses);
                }
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.used(key, uses);
                    self.taken_apart(value, uses);
                }
            }
            _ => self.used(expr, uses),
        }
    }

    fn used(&self, expr: &Ref<Expr>, uses: &mut Uses) {
        match expr.as_ref() {
            Expr::Var { .. } => {
                if let Some(slot) = syntax::variable(expr).and_then(|name| self.local(name))
                    && !self.is_bound(slot)
                {
                    uses.needs.insert(slot);
                }
            }
            Expr::RefBrack { refr, index, .. } => {
                self.used(refr, uses);
                if matches!(index.as_ref(), Expr::Var { .. } | Expr::Array { .. }) {
                    self.taken_apart(index, uses);
                } else {
                    self.used(index, uses);
                }
            }
            Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => {
                self.inside(|see| syntax::walk(expr, see), uses);
            }
            _ => {
                for part in syntax::parts(expr) {
                    self.used(part, uses);
                }
            }
        }
    }

    /// All names inside a query of its own must have their values, where they are not its own.
    fn inside<'e>(&self, walk: impl FnOnce(&mut dyn FnMut(Node<'e>)), uses: &mut Uses) {
        walk(&mut |node| {
            if let Node::Expr(expr) = node
                && let Some(slot) = syntax::variable(expr).and_then(|name| self.local(name))
                && !self.is_bound(slot)
            {
                uses.needs.insert(slot);
            }
        });
    }
}

/// Calls `see` for an expression and all below it that is not in a query of its own.
fn level<'a>(expr: &'a Ref<Expr>, see: &mut dyn FnMut(&'a Ref<Expr>)) {
    if matches!(
        expr.as_ref(),
        Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. }
    ) {
        return;
    }
    see(expr);
    for part in syntax::parts(expr) {
        level(part, see);
    }
}
