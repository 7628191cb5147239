//! Why a test failed: the first statement that does not hold, the values under it, and the same of the rule that it
//! asks.

use std::collections::BTreeSet;

use jiff::Timestamp;
use regorus::Value;
use regorus::unstable::{Expr, Literal, LiteralStmt, Ref, Rule, RuleHead, Span};

use super::cases::Case;
use super::names::Beginning;
use super::operands::{self, Under};
use super::probe::Level;
use super::text::{is_nothing, on_one_line, on_screen, outdented, shown, text_of, value_of};
use super::{Interpreter, TestRule};
use crate::policy::engine::catalog::{self, RuleNode, Target};
use crate::policy::engine::parse::{Parsed, bytes_of};

/// How many rules, each asked by the one before it, are looked into.
const MOST_LEVELS: usize = 4;

/// Of how many elements of `every` the first that fails is looked for.
const MOST_ELEMENTS: usize = 50;

/// A statement that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its file, relative to the policy directory.
    pub file: String,
    /// The line it begins in, from 1.
    pub line: u32,
    /// The lines it is in, without what they are indented by, and with nothing that a terminal would obey.
    pub text: String,
    /// Its parts that have a value.
    pub operands: Vec<Operand>,
}

/// A part of a statement and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// As written, on one line.
    pub text: String,
    /// Characters before it in the text of the statement, if that is one line.
    pub column: Option<usize>,
    /// Its value, or `undefined`; several where the statements before it hold in several ways.
    pub value: String,
}

/// Where a body ends.
struct Found {
    /// How many of its statements hold.
    held: usize,
    failures: Vec<Failure>,
}

/// One body, with what leads to it.
struct Body<'a> {
    outer: &'a [Level],
    rule: &'a RuleNode,
    parsed: &'a Parsed,
    statements: &'a [LiteralStmt],
    value: Option<&'a Ref<Expr>>,
    /// A statement of ours, and after how many of its own it stands.
    pin: Option<(usize, String)>,
    now: Timestamp,
}

impl Interpreter {
    /// Where each body of a test ends, or of one case of it. Empty when that cannot be said.
    pub fn failures(&self, test: &TestRule, case: Option<&Case>, now: Timestamp) -> Vec<Failure> {
        let mut all = Vec::new();
        for rule in self.definitions(test) {
            let Some(parsed) = self.catalog.parsed(rule) else {
                continue;
            };
            // A set that does not resolve fails everywhere, which says nothing about a statement.
            let start = Level {
                file: rule.file,
                before: vec![],
                with: String::new(),
            };
            if self.values(&[start], "true", now).is_err() {
                continue;
            }
            for (statements, value) in bodies(&rule.rule) {
                let body = Body {
                    outer: &[],
                    rule,
                    parsed,
                    statements,
                    value,
                    pin: case.and_then(|case| self.pin(rule, statements, case, now)),
                    now,
                };
                if let Some(found) = self.end_of(&body, &Beginning::default()) {
                    all.extend(found.failures);
                }
            }
        }
        all
    }

    /// The rules that make a test.
    pub(super) fn definitions(&self, test: &TestRule) -> impl Iterator<Item = &RuleNode> {
        let indexes = self.catalog.named(&test.package, &test.name);
        indexes
            .iter()
            .filter_map(|&index| self.catalog.rules.get(index))
    }

    /// The text of a span of a rule's file.
    pub(super) fn text(&self, rule: &RuleNode, span: &Span) -> String {
        let parsed = self.catalog.parsed(rule);
        parsed.map_or_else(String::new, |parsed| text_of(parsed, span).to_owned())
    }

    /// The first statement that does not hold after `given`; `None` when all hold and the value is true.
    fn end_of(&self, body: &Body<'_>, given: &Beginning) -> Option<Found> {
        let pinned = |before: Beginning, count: usize| match &body.pin {
            Some((at, pin)) if *at == count => before.and_binding(pin.clone(), &[]),
            _ => before,
        };
        let mut read = pinned(given.clone(), 0);
        // What has all its variables: Rego takes statements in any order.
        let mut before = read.clone();
        let mut broken = None;
        for (held, stmt) in body.statements.iter().enumerate() {
            let text = text_of(body.parsed, &stmt.span).to_owned();
            read = pinned(read.and(text, stmt), held + 1);
            let is_last = held + 1 == body.statements.len();
            if !is_last && !self.is_whole(body.rule.file, &read) {
                continue;
            }
            match self.values(&body.levels(&read, ""), "true", body.now) {
                Ok(values) if values.is_empty() => {
                    let failures = self.at(body, stmt, &before);
                    return Some(Found { held, failures });
                }
                Ok(_) => {}
                Err(_) => {
                    broken.get_or_insert((held, stmt, before.clone()));
                }
            }
            before = read.clone();
        }
        if let Some((held, stmt, before)) = broken {
            let failures = self.at(body, stmt, &before);
            return Some(Found { held, failures });
        }
        let value = body.value?;
        let levels = body.levels(&before, "");
        let values = self.values(&levels, text_of(body.parsed, value.span()), body.now);
        if values.is_ok_and(|values| values.contains(&Value::Bool(true))) {
            return None;
        }
        let mut parts = operands::of_value(value);
        if parts.is_empty() {
            parts.push((value, Under::With));
        }
        let failure = self.failure(body, value.span(), &parts, &before, "");
        Some(Found {
            held: body.statements.len(),
            failures: vec![failure],
        })
    }

    /// The statement with the values under it, and what it asks.
    fn at(&self, body: &Body<'_>, stmt: &LiteralStmt, before: &Beginning) -> Vec<Failure> {
        if let Some(inside) = self.inside_every(body, stmt, before) {
            return inside;
        }
        let with: Vec<&str> = stmt
            .with_mods
            .iter()
            .map(|with| text_of(body.parsed, &with.span))
            .collect();
        let with = with.join(" ");
        let levels = body.levels(before, &with);
        let parts = operands::of_statement(stmt);
        let mut failures = vec![self.failure(body, &stmt.span, &parts, before, &with)];
        let is_denied = matches!(stmt.literal, Literal::NotExpr { .. });
        if !is_denied && levels.len() < MOST_LEVELS {
            let asked = parts
                .iter()
                .filter(|(_, under)| matches!(under, Under::With))
                .find_map(|(expr, _)| self.asked(body, expr, &levels));
            failures.extend(asked.into_iter().flatten());
        }
        failures
    }

    /// The first statement in an `every` that does not hold for some element.
    fn inside_every(
        &self,
        body: &Body<'_>,
        stmt: &LiteralStmt,
        before: &Beginning,
    ) -> Option<Vec<Failure>> {
        let Literal::Every {
            key,
            value,
            domain,
            query,
            ..
        } = &stmt.literal
        else {
            return None;
        };
        if !stmt.with_mods.is_empty() {
            return None;
        }
        let key = key.as_ref().map_or("countersign_key", |key| key.text());
        let domain = text_of(body.parsed, domain.span());
        let elements = format!("some {key}, {} in {domain}", value.text());
        let given = before.and_binding(elements, &[key, value.text()]);
        let keys = self.values(&body.levels(&given, ""), key, body.now).ok()?;
        let inner = Body {
            outer: body.outer,
            rule: body.rule,
            parsed: body.parsed,
            statements: &query.stmts,
            value: None,
            pin: None,
            now: body.now,
        };
        keys.iter().take(MOST_ELEMENTS).find_map(|element| {
            let this = format!("{key} == {}", element.to_json_str().ok()?);
            let given = given.and_binding(this, &[]);
            Some(self.end_of(&inner, &given)?.failures)
        })
    }

    /// Where the rule that a reference asks came to nothing: of its bodies the one that came farthest.
    fn asked(&self, body: &Body<'_>, expr: &Ref<Expr>, levels: &[Level]) -> Option<Vec<Failure>> {
        if !matches!(
            expr.as_ref(),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. }
        ) {
            return None;
        }
        let Target::Rules(rules, _) = self.catalog.resolve(body.rule.file, &catalog::prefix(expr))
        else {
            return None;
        };
        let text = text_of(body.parsed, expr.span());
        let values = self.values(levels, text, body.now).ok()?;
        if !values.iter().all(is_nothing) {
            return None;
        }
        let mut farthest: Option<Found> = None;
        for rule in rules
            .iter()
            .filter_map(|&rule| self.catalog.rules.get(rule))
        {
            let Some(parsed) = self.catalog.parsed(rule) else {
                continue;
            };
            for (statements, value) in bodies(&rule.rule) {
                let inner = Body {
                    outer: levels,
                    rule,
                    parsed,
                    statements,
                    value,
                    pin: None,
                    now: body.now,
                };
                let found = self.end_of(&inner, &Beginning::default());
                let best = farthest.as_ref().map(|best| best.held);
                if let Some(found) = found.filter(|found| best.is_none_or(|best| found.held > best))
                {
                    farthest = Some(found);
                }
            }
        }
        Some(farthest?.failures)
    }

    fn failure(
        &self,
        body: &Body<'_>,
        span: &Span,
        parts: &[(&Ref<Expr>, Under<'_>)],
        before: &Beginning,
        with: &str,
    ) -> Failure {
        let source = &*body.parsed.file.text;
        let (start, end) = bytes_of(span, source);
        let first = source.get(..start).and_then(|text| text.rfind('\n'));
        let first = first.map_or(0, |newline| newline + 1);
        let rest = source.get(end..).unwrap_or_default();
        let last = end + rest.find('\n').unwrap_or(rest.len());
        let lines = source.get(first..last).unwrap_or_default();
        let is_one_line = !lines.contains('\n');
        let indent = lines.len() - lines.trim_start().len();
        let (levels, bare) = (body.levels(before, with), body.levels(before, ""));
        let mut seen = BTreeSet::new();
        let operands = parts.iter().filter_map(|(expr, under)| {
            let (from, to) = match under {
                Under::With => bytes_of(expr.span(), source),
                Under::Nothing(with) => value_of(with, source),
            };
            let text = source.get(from..to)?;
            let title = on_one_line(text);
            let is_known = self.is_whole(body.rule.file, &before.before(expr));
            if !is_known || !seen.insert(title.clone()) {
                return None;
            }
            let under = match under {
                Under::With => &levels,
                Under::Nothing(_) => &bare,
            };
            let values = self.values(under, text, body.now).ok()?;
            let column = is_one_line
                .then(|| source.get(first + indent..from))
                .flatten()
                .map(|before| on_screen(before).chars().count());
            Some(Operand {
                text: title,
                column,
                value: shown(&values),
            })
        });
        Failure {
            file: body.parsed.file.path.clone(),
            line: span.line,
            text: outdented(lines),
            operands: operands.collect(),
        }
    }
}

impl Body<'_> {
    /// Where a statement of this body stands after `before`, under `with`.
    fn levels(&self, before: &Beginning, with: &str) -> Vec<Level> {
        let own = Level {
            file: self.rule.file,
            before: before.texts.clone(),
            with: with.to_owned(),
        };
        self.outer.iter().cloned().chain([own]).collect()
    }
}

/// The statements of each body of a rule, `else` included, and the value it gives.
pub(super) fn bodies(rule: &Rule) -> Vec<(&[LiteralStmt], Option<&Ref<Expr>>)> {
    let Rule::Spec { head, bodies, .. } = rule else {
        return vec![];
    };
    let value = match head {
        RuleHead::Compr { assign, .. } => assign.as_ref().map(|assign| &assign.value),
        RuleHead::Set { key, .. } => key.as_ref(),
        // Its arguments are known to its callers alone.
        RuleHead::Func { .. } => return vec![],
    };
    if bodies.is_empty() {
        return vec![(&[], value)];
    }
    bodies
        .iter()
        .map(|body| {
            let value = if body.is_else {
                body.assign.as_ref().map(|assign| &assign.value)
            } else {
                value
            };
            (body.query.stmts.as_slice(), value)
        })
        .collect()
}
