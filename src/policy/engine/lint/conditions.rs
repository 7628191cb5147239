//! Conditions that contradict each other, and conditions that say nothing.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeMap;

use regorus::Value;
use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, Span};

use super::{House, warning};
use crate::diagnostic::Diagnostic;
use crate::policy::engine::catalog::RuleNode;
use crate::policy::engine::syntax::{self, Node};

pub(super) fn lint(house: &House<'_>, found: &mut Vec<Diagnostic>) {
    for rule in &house.catalog.rules {
        let Rule::Spec { bodies, .. } = rule.rule.as_ref() else {
            continue;
        };
        for body in bodies {
            let mut query = Conditions {
                house,
                rule,
                known: BTreeMap::new(),
                holding: BTreeMap::new(),
                failing: BTreeMap::new(),
            };
            found.extend(query.contradiction(&body.query));
        }
        same_on_both_sides(house, rule, found);
    }
}

/// What the conditions of a body say of one name or path.
#[derive(Default)]
struct Said {
    equal: Option<Literals>,
    unequal: Vec<Value>,
    /// The least it can be, and whether it must be more.
    least: Option<(f64, Strictness)>,
    most: Option<(f64, Strictness)>,
    /// Line of the first of them.
    line: u32,
}

type Literals = Vec<Value>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    OrEqual,
    Strict,
}

struct Conditions<'a> {
    house: &'a House<'a>,
    rule: &'a RuleNode,
    known: BTreeMap<String, Said>,
    /// Texts of statements, and of what follows a `not`, with the line.
    holding: BTreeMap<String, u32>,
    failing: BTreeMap<String, u32>,
}

impl Conditions<'_> {
    /// The first statement that cannot hold, or not with those before it.
    fn contradiction(&mut self, query: &Query) -> Option<Diagnostic> {
        query.stmts.iter().find_map(|stmt| {
            let why = self.statement(stmt)?;
            let name = &self.rule.name;
            Some(warning(
                "CS001",
                format!("this body of `{name}` can never hold: {why}"),
                self.house.place(self.rule, &stmt.span),
                "remove the body, or the condition that was not meant",
            ))
        })
    }

    fn statement(&mut self, stmt: &LiteralStmt) -> Option<String> {
        if !stmt.with_mods.is_empty() {
            return None;
        }
        match &stmt.literal {
            Literal::Expr { expr, .. } => {
                let text = self.house.text(self.rule, expr.span());
                if let Some(line) = self.failing.get(&text) {
                    return Some(format!("line {line} says the opposite"));
                }
                self.holding.entry(text).or_insert(stmt.span.line);
                self.expression(expr, &stmt.span)
            }
            Literal::NotExpr { expr, .. } => {
                let text = self.house.text(self.rule, expr.span());
                if let Some(line) = self.holding.get(&text) {
                    return Some(format!("line {line} says the opposite"));
                }
                self.failing.entry(text).or_insert(stmt.span.line);
                matches!(expr.as_ref(), Expr::Bool { value, .. } if *value == Value::from(true))
                    .then(|| "`not true` is false".to_owned())
            }
            Literal::SomeVars { .. } | Literal::SomeIn { .. } | Literal::Every { .. } => None,
        }
    }

    fn expression(&mut self, expr: &Ref<Expr>, span: &Span) -> Option<String> {
        match expr.as_ref() {
            Expr::Bool { value, .. } if *value == Value::from(false) => {
                Some("it is `false`".to_owned())
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => match (literal(lhs), literal(rhs)) {
                (Some(left), Some(right)) => {
                    (!holds(op, &left, &right)).then(|| "it compares two literals".to_owned())
                }
                (None, Some(value)) => self.compared(lhs, op, value, span),
                (Some(value), None) => self.compared(rhs, &turned(op), value, span),
                (None, None) => None,
            },
            Expr::Membership {
                key: None,
                value,
                collection,
                ..
            } => {
                let (Expr::Set { items, .. } | Expr::Array { items, .. }) = collection.as_ref()
                else {
                    return None;
                };
                let items: Option<Literals> = items.iter().map(literal).collect();
                self.one_of(value, items?, span)
            }
            _ => None,
        }
    }

    /// What has one value within a body: a variable, or a path of names.
    fn subject(&mut self, expr: &Ref<Expr>, span: &Span) -> Option<&mut Said> {
        let path = syntax::dotted(expr)?;
        if path.first() == Some(&"_") {
            return None;
        }
        let said = self.known.entry(path.join(".")).or_default();
        if said.line == 0 {
            said.line = span.line;
        }
        Some(said)
    }

    fn one_of(&mut self, expr: &Ref<Expr>, values: Literals, span: &Span) -> Option<String> {
        let said = self.subject(expr, span)?;
        let left = match &said.equal {
            None => values,
            Some(known) => known
                .iter()
                .filter(|value| values.contains(value))
                .cloned()
                .collect(),
        };
        said.equal = Some(left);
        said.verdict()
    }

    fn compared(
        &mut self,
        expr: &Ref<Expr>,
        op: &BoolOp,
        value: Value,
        span: &Span,
    ) -> Option<String> {
        if *op == BoolOp::Eq {
            return self.one_of(expr, vec![value], span);
        }
        let said = self.subject(expr, span)?;
        let number = value.as_f64().ok();
        match (op, number) {
            (BoolOp::Ne, _) => said.unequal.push(value),
            (BoolOp::Gt, Some(bound)) => said.at_least(bound, Strictness::Strict),
            (BoolOp::Ge, Some(bound)) => said.at_least(bound, Strictness::OrEqual),
            (BoolOp::Lt, Some(bound)) => said.at_most(bound, Strictness::Strict),
            (BoolOp::Le, Some(bound)) => said.at_most(bound, Strictness::OrEqual),
            (BoolOp::Eq | BoolOp::Gt | BoolOp::Ge | BoolOp::Lt | BoolOp::Le, _) => {}
        }
        said.verdict()
    }
}

impl Said {
    fn at_least(&mut self, bound: f64, strictness: Strictness) {
        if self.least.is_none_or(|(known, _)| bound >= known) {
            self.least = Some((bound, strictness));
        }
    }

    fn at_most(&mut self, bound: f64, strictness: Strictness) {
        if self.most.is_none_or(|(known, _)| bound <= known) {
            self.most = Some((bound, strictness));
        }
    }

    fn verdict(&self) -> Option<String> {
        let line = self.line;
        if let (Some((least, one)), Some((most, other))) = (self.least, self.most) {
            let is_strict = one == Strictness::Strict || other == Strictness::Strict;
            if least > most || (is_strict && least >= most) {
                return Some(format!("line {line} leaves nothing for it"));
            }
        }
        let values = self.equal.as_ref()?;
        let fits = |value: &&Value| {
            let number = value.as_f64().ok();
            let above = self.least.is_none_or(|(bound, strictness)| {
                number.is_none_or(|number| {
                    number > bound || (number >= bound && strictness == Strictness::OrEqual)
                })
            });
            let below = self.most.is_none_or(|(bound, strictness)| {
                number.is_none_or(|number| {
                    number < bound || (number <= bound && strictness == Strictness::OrEqual)
                })
            });
            above && below && !self.unequal.contains(value)
        };
        (!values.iter().any(|value| fits(&value)))
            .then(|| format!("line {line} leaves nothing for it"))
    }
}

/// The value of a literal that is no collection.
fn literal(expr: &Ref<Expr>) -> Option<Value> {
    match expr.as_ref() {
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => Some(value.clone()),
        Expr::UnaryExpr { expr, .. } => match expr.as_ref() {
            Expr::Number { value, .. } => Some(Value::from(-value.as_f64().ok()?)),
            _ => None,
        },
        _ => None,
    }
}

fn holds(op: &BoolOp, left: &Value, right: &Value) -> bool {
    match op {
        BoolOp::Eq => left == right,
        BoolOp::Ne => left != right,
        BoolOp::Lt => left < right,
        BoolOp::Le => left <= right,
        BoolOp::Gt => left > right,
        BoolOp::Ge => left >= right,
    }
}

/// The comparison with its sides exchanged.
fn turned(op: &BoolOp) -> BoolOp {
    match op {
        BoolOp::Lt => BoolOp::Gt,
        BoolOp::Le => BoolOp::Ge,
        BoolOp::Gt => BoolOp::Lt,
        BoolOp::Ge => BoolOp::Le,
        BoolOp::Eq => BoolOp::Eq,
        BoolOp::Ne => BoolOp::Ne,
    }
}

/// `input.x == input.x`, anywhere in a rule.
fn same_on_both_sides(house: &House<'_>, rule: &RuleNode, found: &mut Vec<Diagnostic>) {
    syntax::walk_rule(&rule.rule, &mut |node| {
        let Node::Expr(expr) = node else { return };
        let Expr::BoolExpr { op, lhs, rhs, .. } = expr.as_ref() else {
            return;
        };
        let is_same = syntax::dotted(lhs)
            .is_some_and(|left| left.first() != Some(&"_") && Some(left) == syntax::dotted(rhs));
        if !is_same {
            return;
        }
        let text = house.text(rule, lhs.span());
        let what = match op {
            BoolOp::Eq | BoolOp::Le | BoolOp::Ge => "says no more than that it is there",
            BoolOp::Ne | BoolOp::Lt | BoolOp::Gt => "never holds",
        };
        found.push(warning(
            "CS009",
            format!("`{text}` is compared with itself, which {what}"),
            house.place(rule, expr.span()),
            "compare it with what was meant",
        ));
    });
}
