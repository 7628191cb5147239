//! The bodies of the sets: those that never count, those that stand on the agent's own words, those without a title.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Ref};

use super::{House, SetBody, references, warning};
use crate::diagnostic::Diagnostic;
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::{Route, actions};
use crate::policy::engine::syntax::{self, Node};

pub(super) fn lint(house: &House<'_>, found: &mut Vec<Diagnostic>) {
    for body in &house.bodies {
        untitled(house, body, found);
        if body.set == RuleSet::Approve {
            overruled(house, body, found);
            own_words(house, body, found);
        }
    }
}

fn untitled(house: &House<'_>, body: &SetBody<'_>, found: &mut Vec<Diagnostic>) {
    let about = house.about.get(body.rule.file);
    let own = about.and_then(|about| about.rules.get(&body.rule.line));
    if own.is_some_and(|own| own.title.is_some()) {
        return;
    }
    found.push(warning(
        "CS007",
        format!("this body of `{}` has no title", body.set),
        house.head(body.rule),
        "put `# METADATA` and `# title: …` right above it: people read the title in every rationale",
    ));
}

/// An approval that an unconditional veto always turns down.
fn overruled(house: &House<'_>, body: &SetBody<'_>, found: &mut Vec<Diagnostic>) {
    let vetoes: Vec<&SetBody<'_>> = house
        .bodies
        .iter()
        .filter(|veto| veto.set != RuleSet::Approve && is_unconditional(veto))
        .collect();
    let for_all = vetoes.iter().find(|veto| veto.route == Route::Always);
    let veto = match (&body.route, for_all) {
        (_, Some(veto)) => Some(veto),
        (Route::Always, None) => None,
        (Route::Actions(actions), None) => {
            let covers = |action: &String| {
                vetoes.iter().find(|veto| {
                    matches!(&veto.route, Route::Actions(covered) if covered.contains(action))
                })
            };
            let covering: Vec<_> = actions.iter().map(covers).collect();
            covering
                .iter()
                .all(Option::is_some)
                .then(|| covering.into_iter().flatten().next())
                .flatten()
        }
    };
    let Some(veto) = veto else { return };
    let file = house
        .parsed(veto.rule)
        .map(|parsed| parsed.file.path.clone())
        .unwrap_or_default();
    let does = match veto.set {
        RuleSet::Reject => "rejects",
        RuleSet::Escalate | RuleSet::Approve => "escalates",
    };
    found.push(warning(
        "CS002",
        format!(
            "this body of `approve` never counts: {file}:{} {does} every such request",
            veto.rule.line
        ),
        house.head(body.rule),
        "remove one of the two, or give the other its conditions",
    ));
}

/// Whether a body holds for every request that it is looked at for.
fn is_unconditional(body: &SetBody<'_>) -> bool {
    let statements = || body.query.iter().flat_map(|query| &query.stmts);
    let is_true = |stmt: &LiteralStmt| match &stmt.literal {
        Literal::Expr { expr, .. } => {
            matches!(expr.as_ref(), Expr::Bool { value, .. } if *value == regorus::Value::from(true))
        }
        _ => false,
    };
    let is_named_alone = matches!(
        body.key.as_ref(),
        Expr::String { .. } | Expr::RawString { .. } | Expr::Object { .. }
    ) && syntax::is_literal(body.key);
    let routing = statements().filter(|stmt| actions(stmt).is_some()).count();
    is_named_alone
        && routing <= 1
        && statements().all(|stmt| is_true(stmt) || actions(stmt).is_some())
}

/// What an approval may stand on besides who asks for what and when.
const FACTS: [&str; 2] = ["context", "payload"];
/// Text that the agent writes as it likes.
const OWN_WORDS: [&str; 2] = ["title", "message"];

fn own_words(house: &House<'_>, body: &SetBody<'_>, found: &mut Vec<Diagnostic>) {
    let left_out = only_for_the_reason(body);
    let mut names: BTreeSet<Option<String>> = BTreeSet::new();
    let mut first = None;
    for rule in house.catalog.reach(&[body.index]) {
        let Some(node) = house.catalog.rules.get(rule) else {
            continue;
        };
        for reference in references::of_rule(house.catalog, node.file, &node.rule) {
            let span = reference.expr.span();
            let inside = |(start, end): &(u32, u32)| *start <= span.start && span.end <= *end;
            if rule == body.index && left_out.iter().any(inside) {
                continue;
            }
            let name = reference.path.first().cloned();
            if name
                .as_deref()
                .is_some_and(|name| OWN_WORDS.contains(&name))
                && first.is_none()
            {
                first = house.place(node, span);
            }
            names.insert(name);
        }
    }
    // `input` as a whole may be anything.
    let has_facts = names
        .iter()
        .any(|name| name.as_deref().is_none_or(|name| FACTS.contains(&name)));
    if first.is_some() && !has_facts {
        found.push(warning(
            "CS003",
            "this approves on words that the agent writes itself",
            first,
            "read a fact that the platform gives, under `input.context`; the title and the message can say anything",
        ));
    }
}

/// The spans, as bytes, of the element and of statements that only give it its words.
fn only_for_the_reason(body: &SetBody<'_>) -> Vec<(u32, u32)> {
    let mut spans = vec![bytes(body.key)];
    let statements: Vec<&LiteralStmt> = body.query.iter().flat_map(|query| &query.stmts).collect();
    for stmt in &statements {
        let Literal::Expr { expr, .. } = &stmt.literal else {
            continue;
        };
        let Expr::AssignExpr {
            op: AssignOp::ColEq,
            lhs,
            ..
        } = expr.as_ref()
        else {
            continue;
        };
        let Some(name) = syntax::variable(lhs) else {
            continue;
        };
        let is_used = statements
            .iter()
            .filter(|other| !std::ptr::eq(**other, *stmt))
            .any(|other| names_variable(other, name));
        if !is_used {
            spans.push((stmt.span.start, stmt.span.end));
        }
    }
    spans
}

fn bytes(expr: &Ref<Expr>) -> (u32, u32) {
    (expr.span().start, expr.span().end)
}

fn names_variable(stmt: &LiteralStmt, name: &str) -> bool {
    let mut is_named = false;
    syntax::walk_stmt(stmt, &mut |node| {
        if let Node::Expr(expr) = node {
            is_named |= syntax::variable(expr) == Some(name);
        }
    });
    is_named
}
