//! Walking over syntax trees.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use regorus::Value;
use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, RuleHead, Span};

/// Something met on a walk.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    Expr(&'a Ref<Expr>),
    Stmt(&'a LiteralStmt),
}

/// Calls `see` for every statement and expression of a rule, outer before inner.
pub(crate) fn walk_rule<'a>(rule: &'a Rule, see: &mut dyn FnMut(Node<'a>)) {
    match rule {
        Rule::Spec { head, bodies, .. } => {
            for expr in head_parts(head) {
                walk(expr, see);
            }
            for body in bodies {
                if let Some(assign) = &body.assign {
                    walk(&assign.value, see);
                }
                walk_query(&body.query, see);
            }
        }
        Rule::Default { value, .. } => walk(value, see),
    }
}

/// The local variables of a rule, wherever in it they are bound: arguments, and those of `some`, `every` and `:=`.
pub(crate) fn locals(rule: &Rule) -> Vec<&Span> {
    let mut found = Vec::new();
    if let Rule::Spec {
        head: RuleHead::Func { args, .. },
        ..
    } = rule
    {
        for arg in args {
            pattern(arg, &mut found);
        }
    }
    walk_rule(rule, &mut |node| match node {
        Node::Stmt(stmt) => match &stmt.literal {
            Literal::SomeVars { vars, .. } => found.extend(vars),
            Literal::SomeIn { key, value, .. } => {
                for expr in key.iter().chain([value]) {
                    pattern(expr, &mut found);
                }
            }
            Literal::Every { key, value, .. } => found.extend(key.iter().chain([value])),
            Literal::Expr { .. } | Literal::NotExpr { .. } => {}
        },
        Node::Expr(expr) => {
            if let Expr::AssignExpr {
                op: AssignOp::ColEq,
                lhs,
                ..
            } = expr.as_ref()
            {
                pattern(lhs, &mut found);
            }
        }
    });
    found
}

/// The variables of a pattern.
fn pattern<'a>(expr: &'a Ref<Expr>, found: &mut Vec<&'a Span>) {
    match expr.as_ref() {
        Expr::Var { span, .. } => found.push(span),
        Expr::Array { .. } | Expr::Object { .. } => {
            for part in parts(expr) {
                pattern(part, found);
            }
        }
        _ => {}
    }
}

/// The expressions of a head that are evaluated: arguments, key and value.
pub(crate) fn head_parts(head: &RuleHead) -> Vec<&Ref<Expr>> {
    match head {
        RuleHead::Compr { refr, assign, .. } => {
            let key = match refr.as_ref() {
                Expr::RefBrack { index, .. } => Some(index),
                _ => None,
            };
            key.into_iter()
                .chain(assign.as_ref().map(|assign| &assign.value))
                .collect()
        }
        RuleHead::Set { key, .. } => key.iter().collect(),
        RuleHead::Func { args, assign, .. } => args
            .iter()
            .chain(assign.as_ref().map(|assign| &assign.value))
            .collect(),
    }
}

/// Calls `see` for every statement and expression of a query.
pub(crate) fn walk_query<'a>(query: &'a Query, see: &mut dyn FnMut(Node<'a>)) {
    for stmt in &query.stmts {
        walk_stmt(stmt, see);
    }
}

/// Calls `see` for a statement and all below it.
pub(crate) fn walk_stmt<'a>(stmt: &'a LiteralStmt, see: &mut dyn FnMut(Node<'a>)) {
    see(Node::Stmt(stmt));
    match &stmt.literal {
        Literal::SomeVars { .. } => {}
        Literal::SomeIn {
            key,
            value,
            collection,
            ..
        } => {
            for expr in key.iter().chain([value, collection]) {
                walk(expr, see);
            }
        }
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => walk(expr, see),
        Literal::Every { domain, query, .. } => {
            walk(domain, see);
            walk_query(query, see);
        }
    }
    for with in &stmt.with_mods {
        walk(&with.r#as, see);
    }
}

/// Calls `see` for an expression and all below it.
pub(crate) fn walk<'a>(expr: &'a Ref<Expr>, see: &mut dyn FnMut(Node<'a>)) {
    see(Node::Expr(expr));
    for part in parts(expr) {
        walk(part, see);
    }
    match expr.as_ref() {
        Expr::ArrayCompr { query, .. }
        | Expr::SetCompr { query, .. }
        | Expr::ObjectCompr { query, .. } => walk_query(query, see),
        _ => {}
    }
}

/// The expressions directly inside another; a comprehension's query is apart. The name of a called function is none.
pub(crate) fn parts(expr: &Expr) -> Vec<&Ref<Expr>> {
    match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().collect(),
        Expr::Object { fields, .. } => fields
            .iter()
            .flat_map(|(_, key, value)| [key, value])
            .collect(),
        Expr::ArrayCompr { term, .. } | Expr::SetCompr { term, .. } => vec![term],
        Expr::ObjectCompr { key, value, .. } => vec![key, value],
        Expr::Call { params, .. } => params.iter().collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => key.iter().chain([value, collection]).collect(),
        _ => vec![],
    }
}

/// One step of a reference: `.name`, `["name"]` or `[anything]`.
#[derive(Clone)]
pub(crate) enum Step<'a> {
    Name(&'a str),
    Index(&'a Ref<Expr>),
}

/// A reference as the expression at its root and the steps from there.
pub(crate) fn chain(expr: &Ref<Expr>) -> (&Ref<Expr>, Vec<Step<'_>>) {
    let mut steps = Vec::new();
    let mut at = expr;
    loop {
        match at.as_ref() {
            Expr::RefDot { refr, field, .. } => {
                steps.push(Step::Name(text_of(&field.1).unwrap_or_default()));
                at = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                steps.push(match string(index) {
                    Some(name) => Step::Name(name),
                    None => Step::Index(index),
                });
                at = refr;
            }
            _ => break,
        }
    }
    steps.reverse();
    (at, steps)
}

/// The dotted path of a reference that has only names, with its root: `data.lib.f`.
pub(crate) fn dotted(expr: &Ref<Expr>) -> Option<Vec<&str>> {
    let (root, steps) = chain(expr);
    let mut path = vec![variable(root)?];
    for step in steps {
        match step {
            Step::Name(name) => path.push(name),
            Step::Index(_) => return None,
        }
    }
    Some(path)
}

/// The name of a variable.
pub(crate) fn variable(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Var { value, .. } => text_of(value),
        _ => None,
    }
}

/// The value of a string literal.
pub(crate) fn string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::String { value, .. } | Expr::RawString { value, .. } => text_of(value),
        _ => None,
    }
}

/// The text of a string value.
pub(crate) fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whether the expression is a literal all through.
pub(crate) fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } | Expr::UnaryExpr { .. } => {
            parts(expr).into_iter().all(|part| is_literal(part))
        }
        _ => false,
    }
}
