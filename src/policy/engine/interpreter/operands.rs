//! The parts of a statement whose values tell why it does not hold: references, calls, and what is given by `with`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Ref, WithModifier};

use crate::policy::engine::syntax::{self, Step};

/// Under what a part is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Under<'a> {
    /// The `with` of its statement.
    With,
    /// Nothing: it is the value of this one.
    Nothing(&'a WithModifier),
}

/// The parts of a statement, in the order written.
pub(super) fn of_statement(stmt: &LiteralStmt) -> Vec<(&Ref<Expr>, Under<'_>)> {
    let mut found = Vec::new();
    match &stmt.literal {
        Literal::SomeVars { .. } => {}
        Literal::SomeIn { collection, .. } => within(collection, &mut found),
        Literal::Every { domain, .. } => within(domain, &mut found),
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => below(expr, &mut found),
    }
    let mut parts: Vec<_> = found.into_iter().map(|expr| (expr, Under::With)).collect();
    parts.extend(
        stmt.with_mods
            .iter()
            .map(|with| (&with.r#as, Under::Nothing(with))),
    );
    parts
}

/// The parts of a value.
pub(super) fn of_value(expr: &Ref<Expr>) -> Vec<(&Ref<Expr>, Under<'_>)> {
    let mut found = Vec::new();
    within(expr, &mut found);
    found.into_iter().map(|expr| (expr, Under::With)).collect()
}

/// What is below a statement's own expression, whose value everybody knows: it does not hold.
fn below<'a>(expr: &'a Ref<Expr>, found: &mut Vec<&'a Ref<Expr>>) {
    match expr.as_ref() {
        Expr::AssignExpr {
            op: AssignOp::ColEq,
            rhs,
            ..
        } => within(rhs, found),
        Expr::BoolExpr { .. }
        | Expr::AssignExpr { .. }
        | Expr::Membership { .. }
        | Expr::Call { .. } => syntax::parts(expr)
            .into_iter()
            .for_each(|part| within(part, found)),
        _ => within(expr, found),
    }
}

fn within<'a>(expr: &'a Ref<Expr>, found: &mut Vec<&'a Ref<Expr>>) {
    match expr.as_ref() {
        Expr::Var { .. } if syntax::variable(expr) != Some("_") => found.push(expr),
        Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            found.push(expr);
            for step in syntax::chain(expr).1 {
                if let Step::Index(index) = step {
                    within(index, found);
                }
            }
        }
        Expr::ArithExpr { .. }
        | Expr::BinExpr { .. }
        | Expr::BoolExpr { .. }
        | Expr::Membership { .. }
        | Expr::Call { .. } => {
            found.push(expr);
            for part in syntax::parts(expr) {
                within(part, found);
            }
        }
        Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
            for part in syntax::parts(expr) {
                within(part, found);
            }
        }
        // Inside it, the variables that it binds have no one value.
        Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => {
            found.push(expr);
        }
        Expr::UnaryExpr { expr, .. } => within(expr, found),
        _ => {}
    }
}
