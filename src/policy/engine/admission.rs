//! What a set may not contain, found in its syntax trees: each with a frame and with what to write instead.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

mod builtins;
mod carried;

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Ref, Rule, RuleHead, Span};

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::{decides, set_named};
use crate::policy::engine::catalog::{Catalog, RuleNode, is_builtin};
use crate::policy::engine::element;
use crate::policy::engine::parse::Parsed;
use crate::policy::engine::syntax::{self, Node};
use builtins::{ALLOWED, REFUSED};

/// Names that people give a set of the contract by habit.
const HABITS: &[(&str, &str)] = &[
    ("deny", "reject"),
    ("block", "reject"),
    ("refuse", "reject"),
    ("forbid", "reject"),
    ("violation", "reject"),
    ("allow", "approve"),
    ("permit", "approve"),
    ("review", "escalate"),
    ("ask", "escalate"),
    ("warn", "escalate"),
];

/// All that is wrong with the rules in `serving`, the ones that decisions reach, and with the heads of all others.
pub(crate) fn check(catalog: &Catalog, serving: &BTreeSet<usize>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (parsed, import) in catalog.imports_clash() {
        found.push(
            Diagnostic::error(
                "P039",
                "another file of this package gives the name of this import another meaning",
            )
            .at(parsed.place(&import.span))
            .help("give one of them another name with `as`"),
        );
    }
    let needed: BTreeSet<usize> = catalog
        .rules
        .iter()
        .flat_map(|rule| rule.needs.iter().copied())
        .collect();
    for (index, rule) in catalog.rules.iter().enumerate() {
        let Some(parsed) = catalog.parsed(rule) else {
            continue;
        };
        let mut checker = Checker {
            catalog,
            parsed,
            rule,
            found: &mut found,
        };
        if decides(&rule.package) {
            checker.set(needed.contains(&index));
        }
        checker.calls();
        if serving.contains(&index) {
            checker.restrictions();
        }
    }
    found
}

struct Checker<'a> {
    catalog: &'a Catalog,
    parsed: &'a Parsed,
    rule: &'a RuleNode,
    found: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(
        &mut self,
        code: &'static str,
        message: String,
        span: &Span,
        help: impl Into<String>,
    ) {
        self.found.push(
            Diagnostic::error(code, message)
                .at(self.parsed.place(span))
                .help(help),
        );
    }

    fn head_span(&self) -> Span {
        match self.rule.rule.as_ref() {
            Rule::Spec {
                head:
                    RuleHead::Compr { refr, .. }
                    | RuleHead::Set { refr, .. }
                    | RuleHead::Func { refr, .. },
                ..
            }
            | Rule::Default { refr, .. } => refr.span().clone(),
        }
    }

    /// The four sets, and what was meant to be one of them.
    fn set(&mut self, is_needed: bool) {
        let name = self.rule.name.as_str();
        let span = self.head_span();
        let head = match self.rule.rule.as_ref() {
            Rule::Spec { head, .. } => Some(head),
            Rule::Default { .. } => None,
        };
        if name == "limit" && matches!(head, Some(RuleHead::Set { .. })) {
            self.report(
                "P011",
                "limits are not supported yet".to_owned(),
                &span,
                "leave `limit` out, or bound single requests in `approve`",
            );
            return;
        }
        if let Some(set) = set_named(name) {
            match head {
                Some(RuleHead::Set {
                    key: Some(key),
                    refr,
                    ..
                }) if syntax::variable(refr).is_some() => self.shape(set, key),
                _ => self.report(
                    "P010",
                    format!("`{set}` must be a set of reasons"),
                    &span,
                    format!("write `{set} contains \"the reason\" if {{ … }}`"),
                ),
            }
            return;
        }
        let is_set = matches!(head, Some(RuleHead::Set { .. }));
        if is_needed {
            return;
        }
        let habit = HABITS
            .iter()
            .find(|(habit, _)| *habit == name)
            .map(|(_, set)| *set);
        let near = if is_set {
            did_you_mean(name, ["approve", "reject", "escalate"])
        } else {
            None
        };
        if let Some(meant) = habit.or(near) {
            self.report(
                "P012",
                format!("nothing looks at `{name}`"),
                &span,
                format!(
                    "did you mean `{meant}`? Write `{meant} contains \"the reason\" if {{ … }}`"
                ),
            );
        }
    }

    /// The shape of an element, as far as it is literal.
    fn shape(&mut self, set: RuleSet, key: &Ref<Expr>) {
        match key.as_ref() {
            Expr::Object { fields, .. } => {
                let mut reasoned = false;
                for (_, name, value) in fields {
                    let Some(text) = syntax::string(name) else {
                        continue;
                    };
                    reasoned |= text == "reason";
                    if let Err(message) = element::check_key(set, text) {
                        let known = element::keys(set).join("`, `");
                        self.report(
                            "P013",
                            message,
                            name.span(),
                            format!("the keys are `{known}`"),
                        );
                    } else if let Err(message) = literal(set, text, value) {
                        self.report(
                            "P013",
                            message,
                            value.span(),
                            "see docs/policies.md for what an element may hold",
                        );
                    }
                }
                if !reasoned
                    && fields
                        .iter()
                        .all(|(_, name, _)| syntax::string(name).is_some())
                {
                    self.report(
                        "P013",
                        format!("an element of `{set}` has no `reason`"),
                        key.span(),
                        "add `\"reason\": \"…\"`",
                    );
                }
            }
            Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Array { .. }
            | Expr::Set { .. } => self.report(
                "P013",
                format!("an element of `{set}` must be a string or an object with `reason`"),
                key.span(),
                format!("write `{set} contains \"the reason\" if {{ … }}`"),
            ),
            _ => {}
        }
    }

    /// Functions that do not exist, and built-ins that are not for decisions.
    fn calls(&mut self) {
        let rule = self.rule.rule.clone();
        let mut calls = Vec::new();
        syntax::walk_rule(&rule, &mut |node| {
            if let Node::Expr(expr) = node
                && let Expr::Call { fcn, .. } = expr.as_ref()
            {
                calls.push(fcn.clone());
            }
        });
        for function in calls {
            let Some(path) = syntax::dotted(&function) else {
                continue;
            };
            let name = path.join(".");
            if self.catalog.calls(self.rule.file, &path).is_some()
                || ALLOWED.contains(&name.as_str())
            {
                continue;
            }
            if let Some((_, help)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
                self.report(
                    "P033",
                    format!("`{name}` is not for decisions"),
                    function.span(),
                    *help,
                );
            } else if name == "__builtin_host_await" {
                self.report(
                    "P033",
                    format!("`{name}` is not for policies"),
                    function.span(),
                    "leave it out",
                );
            } else if is_builtin(&name) {
                self.report(
                    "P033",
                    format!("`{name}` is not for decisions"),
                    function.span(),
                    "docs/checks.md lists the built-ins that are",
                );
            } else {
                let help = did_you_mean(&name, ALLOWED.iter().copied()).map_or_else(
                    || "define it in this package, or import the package that does".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.report(
                    "P032",
                    format!("there is no function `{name}`"),
                    function.span(),
                    help,
                );
            }
        }
    }
}

fn literal(set: RuleSet, key: &str, value: &Ref<Expr>) -> Result<(), String> {
    let (Expr::String { value, .. }
    | Expr::RawString { value, .. }
    | Expr::Number { value, .. }
    | Expr::Bool { value, .. }
    | Expr::Null { value, .. }) = value.as_ref()
    else {
        return Ok(());
    };
    let mut fields = regorus::Value::new_object();
    if let Ok(object) = fields.as_object_mut() {
        object.insert("reason".into(), "r".into());
        object.insert(key.into(), value.clone());
    }
    element::read(set, &fields).map(|_| ())
}

/// A body that is looked at for every request, as a warning.
pub(crate) fn always(parsed: &Parsed, rule: &RuleNode, id: &str) -> Diagnostic {
    let (start, end) = (rule.start, rule.end);
    let head_end = parsed
        .file
        .text
        .get(start..end)
        .and_then(|text| text.find('\n'))
        .map_or(end, |length| start + length);
    let place = crate::diagnostic::Place {
        file: parsed.file.path.clone(),
        text: std::sync::Arc::clone(&parsed.file.text),
        start,
        end: head_end,
    };
    Diagnostic::warning("P050", format!("`{id}` is looked at for every request"))
        .at(place)
        .help("if it is for some actions only, compare `input.action` with a string: `input.action == \"stripe.refund\"` or `input.action in {\"a\", \"b\"}`")
}
