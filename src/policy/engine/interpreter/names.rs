//! The variables of statements: which they need and which they give a value. The engine complains on stderr about a query
//! with a variable that nothing in it binds, so none is made.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Ref};

use super::Interpreter;
use crate::policy::engine::catalog::Target;
use crate::policy::engine::syntax::{self, Node};

/// The beginning of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Beginning {
    /// Its statements.
    pub(super) texts: Vec<String>,
    /// The variables they give a value.
    binds: BTreeSet<String>,
    /// The variables that have a value where they are evaluated, or else they cannot be.
    needs: BTreeSet<String>,
}

impl Beginning {
    /// The same with one more statement.
    pub(super) fn and(&self, text: String, stmt: &LiteralStmt) -> Self {
        let mut longer = self.clone();
        longer.texts.push(text);
        syntax::walk_stmt(stmt, &mut |node| match node {
            Node::Stmt(stmt) => longer.see_stmt(stmt),
            Node::Expr(expr) => longer.see(expr),
        });
        longer
    }

    /// The same with a statement of ours that gives these variables a value.
    pub(super) fn and_binding(&self, text: String, names: &[&str]) -> Self {
        let mut longer = self.clone();
        longer.texts.push(text);
        longer
            .binds
            .extend(names.iter().map(|&name| name.to_owned()));
        longer
    }

    /// The same before an expression that is evaluated after it.
    pub(super) fn before(&self, expr: &Ref<Expr>) -> Self {
        let mut longer = self.clone();
        syntax::walk(expr, &mut |node| match node {
            Node::Stmt(stmt) => longer.see_stmt(stmt),
            Node::Expr(expr) => longer.see(expr),
        });
        longer
    }

    fn see_stmt(&mut self, stmt: &LiteralStmt) {
        match &stmt.literal {
            Literal::SomeIn { key, value, .. } => {
                for expr in key.iter().chain([value]) {
                    self.bind(expr);
                }
            }
            Literal::Every { key, value, .. } => {
                let names = key.iter().chain([value]);
                self.binds.extend(names.map(|name| name.text().to_owned()));
            }
            Literal::SomeVars { .. } | Literal::Expr { .. } | Literal::NotExpr { .. } => {}
        }
    }

    fn see(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::Var { .. } => self.needs.extend(syntax::variable(expr).map(str::to_owned)),
            Expr::RefBrack { index, .. } => self.bind(index),
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.bind(lhs);
                if *op == AssignOp::Eq {
                    self.bind(rhs);
                }
            }
            _ => {}
        }
    }

    /// The variables of a pattern.
    fn bind(&mut self, pattern: &Ref<Expr>) {
        match pattern.as_ref() {
            Expr::Var { .. } => self
                .binds
                .extend(syntax::variable(pattern).map(str::to_owned)),
            Expr::Array { .. } | Expr::Object { .. } => {
                for part in syntax::parts(pattern) {
                    self.bind(part);
                }
            }
            _ => {}
        }
    }
}

impl Interpreter {
    /// Whether every variable of a beginning has a value in it.
    pub(super) fn is_whole(&self, file: usize, beginning: &Beginning) -> bool {
        let free = beginning.needs.difference(&beginning.binds);
        let mut free = free.filter(|name| *name != "_");
        !free.any(|name| matches!(self.catalog.resolve(file, &[name]), Target::Other))
    }
}
