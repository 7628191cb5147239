//! The bodies of `approve`, `reject` and `escalate`: what they are called, when they are looked at, what they rest on.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use regorus::unstable::{BoolOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, RuleHead, Span};

use crate::domain::verdict::RuleSet;
use crate::policy::engine::catalog::Catalog;
use crate::policy::engine::parse::bytes_of;
use crate::policy::engine::syntax::{self, Step};
use crate::policy::metadata::{FileMetadata, Metadata};

/// One body of a set.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) id: String,
    pub(crate) set: RuleSet,
    pub(crate) title: String,
    pub(crate) owner: Option<String>,
    pub(crate) package: Arc<str>,
    pub(crate) file: Arc<str>,
    /// Line of the head.
    pub(crate) line: u32,
    /// Its place in [`Catalog::rules`].
    pub(crate) rule: usize,
    pub(crate) route: Route,
}

/// For which actions a body is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// For every request.
    Always,
    /// For these actions alone: its code compares `input.action` with them.
    Actions(BTreeSet<String>),
}

/// The set of this name.
pub(crate) fn set_named(name: &str) -> Option<RuleSet> {
    match name {
        "approve" => Some(RuleSet::Approve),
        "reject" => Some(RuleSet::Reject),
        "escalate" => Some(RuleSet::Escalate),
        _ => None,
    }
}

/// Whether a package decides.
pub(crate) fn decides(package: &str) -> bool {
    package == "approvals" || package.starts_with("approvals.")
}

/// All bodies of a set of files, in the order of file and line. `metadata` is by index of the file.
pub(crate) fn bodies(catalog: &Catalog, metadata: &[FileMetadata]) -> Vec<Body> {
    let mut found = Vec::new();
    let mut ordinals: HashMap<(Arc<str>, RuleSet), usize> = HashMap::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (index, rule) in catalog.rules.iter().enumerate() {
        let Some(set) = set_named(&rule.name).filter(|_| decides(&rule.package)) else {
            continue;
        };
        let Rule::Spec {
            head: RuleHead::Set { key: Some(_), .. },
            bodies,
            ..
        } = rule.rule.as_ref()
        else {
            continue;
        };
        let (Some(parsed), Some(about)) = (catalog.parsed(rule), metadata.get(rule.file)) else {
            continue;
        };
        let ordinal = ordinals
            .entry((Arc::clone(&rule.package), set))
            .or_default();
        *ordinal += 1;
        let own = about.rules.get(&rule.line);
        let title = own.and_then(|own| own.title.clone());
        let slug = title.as_deref().map(slug).filter(|slug| !slug.is_empty());
        let name = slug.unwrap_or_else(|| ordinal.to_string());
        let id = unique(format!("{}.{set}#{name}", rule.package), &mut taken);
        let query = bodies.first().map(|body| body.query.as_ref());
        found.push(Body {
            title: title.unwrap_or_else(|| id.clone()),
            id,
            set,
            owner: owner(own).or_else(|| owner(about.package.as_ref())),
            package: Arc::clone(&rule.package),
            file: parsed.file.path.as_str().into(),
            line: rule.line,
            rule: index,
            route: query.map_or(Route::Always, route),
        });
    }
    found
}

fn owner(metadata: Option<&Metadata>) -> Option<String> {
    let owner = metadata?.custom.get("owner")?;
    owner.as_str().map(str::to_owned)
}

fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn unique(id: String, taken: &mut BTreeMap<String, usize>) -> String {
    let count = taken.entry(id.clone()).or_default();
    *count += 1;
    if *count == 1 {
        return id;
    }
    let next = format!("{id}-{count}");
    unique(next, taken)
}

/// A statement as it is told.
pub(crate) struct Described {
    pub(crate) text: String,
    pub(crate) operands: Vec<Option<String>>,
    pub(crate) is_condition: bool,
}

pub(crate) fn describe(stmt: &LiteralStmt, text: &str) -> Described {
    Described {
        text: written(&stmt.span, text),
        operands: operands(stmt, text),
        is_condition: !matches!(stmt.literal, Literal::SomeVars { .. }),
    }
}

/// The text of a span on one line.
pub(crate) fn written(span: &Span, text: &str) -> String {
    let (start, end) = bytes_of(span, text);
    one_line(text.get(start..end).unwrap_or_default())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Operands of a condition that are shown.
pub(crate) const MOST_OPERANDS: usize = 3;

fn operands(stmt: &LiteralStmt, text: &str) -> Vec<Option<String>> {
    let expr = match &stmt.literal {
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => expr,
        Literal::SomeIn { .. } | Literal::SomeVars { .. } | Literal::Every { .. } => return vec![],
    };
    let shown: Vec<&Ref<Expr>> = match expr.as_ref() {
        Expr::BoolExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership {
            value, collection, ..
        } => vec![value, collection],
        Expr::AssignExpr { lhs, .. } => vec![lhs],
        Expr::Call { params, .. } => params.iter().take(MOST_OPERANDS).collect(),
        _ => vec![expr],
    };
    let written = |span: &Span| {
        let (start, end) = bytes_of(span, text);
        one_line(text.get(start..end).unwrap_or_default())
    };
    shown
        .into_iter()
        .map(|expr| (!syntax::is_literal(expr)).then(|| written(expr.span())))
        .collect()
}

/// The actions a body is for, if its code says so at its top level.
pub(crate) fn route(query: &Query) -> Route {
    query
        .stmts
        .iter()
        .find_map(actions)
        .map_or(Route::Always, Route::Actions)
}

/// The actions that a statement compares `input.action` with.
pub(crate) fn actions(stmt: &LiteralStmt) -> Option<BTreeSet<String>> {
    let Literal::Expr { expr, .. } = &stmt.literal else {
        return None;
    };
    if !stmt.with_mods.is_empty() {
        return None;
    }
    match expr.as_ref() {
        Expr::BoolExpr {
            op: BoolOp::Eq,
            lhs,
            rhs,
            ..
        } => {
            let literal = match (is_action(lhs), is_action(rhs)) {
                (true, false) => syntax::string(rhs)?,
                (false, true) => syntax::string(lhs)?,
                _ => return None,
            };
            Some(BTreeSet::from([literal.to_owned()]))
        }
        Expr::Membership {
            key: None,
            value,
            collection,
            ..
        } if is_action(value) => {
            let (Expr::Set { items, .. } | Expr::Array { items, .. }) = collection.as_ref() else {
                return None;
            };
            items
                .iter()
                .map(|item| syntax::string(item).map(str::to_owned))
                .collect()
        }
        _ => None,
    }
}

fn is_action(expr: &Ref<Expr>) -> bool {
    let (root, steps) = syntax::chain(expr);
    let one = matches!(steps.as_slice(), [Step::Name("action")]);
    one && syntax::variable(root) == Some("input")
}
