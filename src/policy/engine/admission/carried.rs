//! What the bytecode cannot carry.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Ref, Rule, RuleHead, Span};

use super::Checker;
use crate::policy::engine::catalog::{Target, prefix};
use crate::policy::engine::syntax::{self, Node, Step};

impl Checker<'_> {
    /// What the bytecode cannot carry, in rules that decisions reach.
    pub(super) fn restrictions(&mut self) {
        let rule = self.rule.rule.clone();
        match rule.as_ref() {
            Rule::Default { args, span, .. } if !args.is_empty() => self.report(
                "P035",
                "a default for a function is not supported in rules that decide".to_owned(),
                span,
                "write the other case as a definition of its own: `f(x) := value if not …`",
            ),
            Rule::Spec {
                head: RuleHead::Compr { refr, .. },
                ..
            } => self.head(refr),
            Rule::Spec {
                head: RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
                ..
            }
            | Rule::Default { refr, .. } => {
                if syntax::variable(refr).is_none() {
                    self.dotted_head(refr);
                }
            }
        }
        for local in syntax::locals(&rule) {
            let name = local.text();
            let is_root = name == "input" || name == "data";
            if is_root || self.catalog.imported(self.rule.file, name).is_some() {
                self.report(
                    "P039",
                    format!("the variable `{name}` hides what `{name}` means elsewhere"),
                    local,
                    "give the variable another name",
                );
            }
        }
        let mut statements = Vec::new();
        let mut references = Vec::new();
        let mut with_keys = Vec::new();
        syntax::walk_rule(&rule, &mut |node| match node {
            Node::Stmt(stmt) => {
                statements.extend(stmt.with_mods.iter().map(|with| with.span.clone()));
            }
            Node::Expr(expr) => {
                if matches!(
                    expr.as_ref(),
                    Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. }
                ) {
                    references.push(expr.clone());
                }
                if let Expr::Membership { key: Some(_), .. } = expr.as_ref() {
                    with_keys.push(expr.span().clone());
                }
            }
        });
        for span in with_keys {
            self.report(
                "P040",
                "`key, value in` as a condition is not supported in rules that decide".to_owned(),
                &span,
                "write `collection[key] == value`, or `some key, value in collection`",
            );
        }
        for span in statements {
            self.report(
                "P034",
                "`with` is for tests".to_owned(),
                &span,
                "give the rule a function that takes the value as an argument",
            );
        }
        let mut reported = BTreeSet::new();
        for reference in &references {
            let path = prefix(reference);
            if path.first() == Some(&"data") || path.len() == 1 {
                self.reference(reference, &path, &mut reported);
            }
        }
        for reference in &references {
            let path = prefix(reference);
            if path.len() > 1 && path.first() != Some(&"data") {
                self.reference(reference, &path, &mut reported);
            }
        }
    }

    fn reference(&mut self, reference: &Ref<Expr>, path: &[&str], reported: &mut BTreeSet<u32>) {
        let span = reference.span();
        if let Target::Package(package) = self.catalog.resolve(self.rule.file, path) {
            // Every part of a longer reference is met on the walk: only the longest counts, and the root of one that
            // goes on is no reference to a whole package.
            let (_, steps) = syntax::chain(reference);
            let goes_on = self.goes_on(span);
            let dynamic = steps.iter().any(|step| matches!(step, Step::Index(_)));
            if (!goes_on || dynamic) && reported.insert(span.start) {
                self.report(
                    "P037",
                    format!(
                        "`{}` looks into the package `{package}` by a computed name",
                        span.text()
                    ),
                    span,
                    "name the rule: `data.package.rule`",
                );
            }
        }
    }

    /// Whether the reference is followed by a step in the text.
    fn goes_on(&self, span: &Span) -> bool {
        let rest = self
            .parsed
            .file
            .text
            .get(span.end as usize..)
            .unwrap_or_default();
        rest.starts_with('.') || rest.starts_with('[') || rest.starts_with("\"]")
    }

    fn head(&mut self, refr: &Ref<Expr>) {
        match refr.as_ref() {
            Expr::Var { .. } => {}
            Expr::RefBrack {
                refr: root, index, ..
            } if syntax::variable(root).is_some() => {
                if syntax::is_literal(index) {
                    self.report(
                        "P036",
                        "an object cannot be put together key by key in rules that decide"
                            .to_owned(),
                        refr.span(),
                        "write it as one rule: `name := {\"key\": value}`",
                    );
                }
            }
            _ => self.dotted_head(refr),
        }
    }

    fn dotted_head(&mut self, refr: &Ref<Expr>) {
        self.report(
            "P036",
            "the name of a rule that decides must be one word".to_owned(),
            refr.span(),
            "write it as one rule that holds an object, or in a package of its own",
        );
    }
}
