//! Paths of the input that nothing provides, and comparisons that a schema excludes.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Ref};
use serde_json::Value;

use super::references::{self, input_path};
use super::{House, warning};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::policy::engine::catalog::RuleNode;
use crate::policy::engine::syntax::{self, Node};
use crate::policy::input;
use crate::policy::lint::shape::{self, Shape};
use crate::policy::schemas::{Enforced, Schemas};

pub(super) fn lint(house: &House<'_>, schemas: &Schemas, found: &mut Vec<Diagnostic>) {
    let document = input::schema();
    for (index, rule) in house.catalog.rules.iter().enumerate() {
        let actions = house.reached.get(&index).and_then(Option::as_ref);
        let paths = Paths {
            house,
            rule,
            document: &document,
            given: actions.map_or_else(Vec::new, |actions| given(schemas, actions)),
        };
        for reference in references::of_rule(house.catalog, rule.file, &rule.rule) {
            found.extend(paths.reference(&reference.path, reference.expr));
        }
        syntax::walk_rule(&rule.rule, &mut |node| {
            if let Node::Expr(expr) = node {
                found.extend(paths.comparison(expr));
            }
        });
    }
}

/// The schemas of each action.
fn given<'a>(schemas: &'a Schemas, actions: &BTreeSet<String>) -> Vec<Vec<Enforced<'a>>> {
    actions
        .iter()
        .map(|action| schemas.of_action(action))
        .collect()
}

struct Paths<'a> {
    house: &'a House<'a>,
    rule: &'a RuleNode,
    document: &'a Value,
    /// The schemas of each action that the rule is looked at for; none when it is for all.
    given: Vec<Vec<Enforced<'a>>>,
}

impl Paths<'_> {
    fn reference(&self, path: &[String], expr: &Ref<Expr>) -> Option<Diagnostic> {
        let place = || self.house.place(self.rule, expr.span());
        if let Shape::Unlisted { depth, fields, .. } = shape::at(self.document, path) {
            let name = path.get(depth)?;
            let above = written(path.get(..depth)?);
            let meant = self.meant(name, &above, &fields, path.get(depth + 1..)?);
            return Some(warning(
                "CS004",
                format!("`{above}` has no `{name}`"),
                place(),
                format!("did you mean `{meant}`? `countersign schema input` says what there is"),
            ));
        }
        // Every action that leads here must say that it is not there.
        let mut refused = self.given.iter().map(|schemas| {
            schemas.iter().find_map(|schema| {
                let below = path.strip_prefix(schema.path)?;
                match shape::at(schema.value, below) {
                    Shape::Unlisted {
                        depth,
                        fields,
                        is_closed,
                    } => Some((schema, schema.path.len() + depth, fields, is_closed)),
                    Shape::Open | Shape::Listed(_) => None,
                }
            })
        });
        let (schema, depth, fields, is_closed) = refused.next()??;
        if refused.any(|one| one.is_none()) {
            return None;
        }
        // What every source gives need not be listed again.
        let is_given = matches!(
            shape::at(self.document, path.get(..=depth)?),
            Shape::Listed(_)
        );
        if is_given && !is_closed {
            return None;
        }
        let name = path.get(depth)?;
        let above = written(path.get(..depth)?);
        let how = if is_closed { "has no" } else { "does not list" };
        let help = did_you_mean(name, fields.iter().copied()).map_or_else(
            || format!("add it to `{}`, or read what is there", schema.file),
            |near| format!("did you mean `{above}.{near}`?"),
        );
        Some(warning(
            "CS005",
            format!("the schema of `{above}` {how} `{name}`"),
            place(),
            help,
        ))
    }

    /// What was meant by a name that its object does not have.
    fn meant(&self, name: &str, above: &str, fields: &[&str], below: &[String]) -> String {
        let rest = below
            .iter()
            .fold(String::new(), |text, step| text + "." + step);
        if let Some(near) = did_you_mean(name, fields.iter().copied()) {
            return format!("{above}.{near}{rest}");
        }
        let parts: Vec<&str> = name.split('_').collect();
        if above == "input"
            && parts.len() > 1
            && matches!(shape::at(self.document, &parts), Shape::Listed(_))
        {
            return format!("input.{}", parts.join("."));
        }
        match (above, fields.first()) {
            ("input", _) | (_, None) => format!("input.context.{name}{rest}"),
            (_, Some(only)) => format!("{above}.{only}"),
        }
    }

    fn comparison(&self, expr: &Ref<Expr>) -> Option<Diagnostic> {
        let (path, literals) = match expr.as_ref() {
            Expr::BoolExpr { lhs, rhs, .. } => match (self.path(lhs), self.path(rhs)) {
                (Some(path), None) => (path, vec![literal(rhs)?]),
                (None, Some(path)) => (path, vec![literal(lhs)?]),
                _ => return None,
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
                (
                    self.path(value)?,
                    items.iter().filter_map(literal).collect(),
                )
            }
            _ => return None,
        };
        let (literal, is) = literals
            .iter()
            .find_map(|literal| Some((literal, self.excluded(&path, literal)?)))?;
        let name = written(&path);
        Some(warning(
            "CS008",
            format!("`{name}` is never {literal}: it is {is}"),
            self.house.place(self.rule, expr.span()),
            "compare it with a value that its schema allows",
        ))
    }

    /// The path that is nothing but names.
    fn path(&self, expr: &Ref<Expr>) -> Option<Vec<String>> {
        syntax::dotted(expr)?;
        input_path(self.house.catalog, self.rule.file, expr)
    }

    /// What a schema says that is there instead, if all that lead here exclude the literal.
    fn excluded(&self, path: &[String], literal: &Value) -> Option<String> {
        if let Some(is) = shape::excludes(&shape::at(self.document, path), literal) {
            return Some(is);
        }
        let mut excluding = self.given.iter().map(|schemas| {
            schemas.iter().find_map(|schema| {
                let below = path.strip_prefix(schema.path)?;
                shape::excludes(&shape::at(schema.value, below), literal)
            })
        });
        let first = excluding.next()??;
        (!excluding.any(|one| one.is_none())).then_some(first)
    }
}

fn written(path: &[String]) -> String {
    path.iter()
        .fold("input".to_owned(), |text, step| text + "." + step)
}

fn literal(expr: &Ref<Expr>) -> Option<Value> {
    match expr.as_ref() {
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => serde_json::to_value(value).ok(),
        _ => None,
    }
}
