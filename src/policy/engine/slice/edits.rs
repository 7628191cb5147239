//! Changes of a rule's text.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref, Rule};

use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::bytes_of;
use crate::policy::engine::syntax::{self, Node};

/// A change of the text at a place.
#[derive(Default)]
pub(super) struct Edit {
    pub(super) text: String,
    /// How many bytes of the original it stands for.
    pub(super) instead_of: usize,
}

/// What the text needs for the bytecode to mean what the policy language means.
///
/// - An assignment of what is undefined ends the body, while the bytecode goes on: so the name is looked at once after it
///   is assigned.
/// - A rule that is named by way of an import is evaluated with its whole package at a place where loops come out empty: so
///   the import's own path is written instead of its name.
/// - `input` and `data` are taken up where a body names them first, and are nothing for the rest of it where that is inside
///   of a loop that runs for nothing: so a body with such loops names them at its start.
/// - A member of an array or an object that is undefined is left out, while the bytecode drops the whole: so the member is
///   looked at before it is taken.
pub(super) fn edits(catalog: &Catalog, node: &RuleNode, text: &str) -> BTreeMap<usize, Edit> {
    let mut edits = Edits::default();
    let mut done = BTreeSet::new();
    if let Rule::Spec { bodies, head, .. } = node.rule.as_ref() {
        let parts = syntax::head_parts(head);
        for body in bodies {
            let value = body.assign.iter().map(|assign| &assign.value);
            let first = first_words(&body.query, parts.iter().copied().chain(value));
            let (start, _) = bytes_of(&body.query.span, text);
            let braced = text.get(start..).is_some_and(|rest| rest.starts_with('{'));
            let (Some(one), Some(last)) = (body.query.stmts.first(), body.query.stmts.last())
            else {
                continue;
            };
            let (start, _) = bytes_of(&one.span, text);
            let (_, end) = bytes_of(&last.span, text);
            let name = assigned(last).filter(|_| !braced);
            if !braced && (name.is_some() || !first.is_empty()) {
                edits.insert(start, "{ ");
                if let Some(name) = name {
                    edits.insert(end, &format!("; {name} == {name}"));
                    done.insert(end);
                }
                edits.insert(end, " }");
            }
            edits.insert(start, &first);
        }
        if bodies.is_empty() {
            let first = first_words_of(parts.into_iter());
            if !first.is_empty() {
                edits.insert(node.end, &format!(" if {{ {first}true }}"));
            }
        }
    }
    let mut names = Vec::new();
    let mut gathered = Vec::new();
    syntax::walk_rule(&node.rule, &mut |at| match at {
        Node::Stmt(stmt) => {
            if let Some(name) = assigned(stmt) {
                let (_, end) = bytes_of(&stmt.span, text);
                if done.insert(end) {
                    edits.insert(end, &format!("; {name} == {name}"));
                }
            }
        }
        Node::Expr(expr) => {
            let name = syntax::variable(expr);
            if let Some(path) = name.and_then(|name| catalog.imported(node.file, name)) {
                names.push((bytes_of(expr.span(), text), written(path)));
            }
            gathered.extend(members(expr));
        }
    });
    for ((start, end), path) in names {
        edits.replace(start, end, &path);
    }
    // Those inside of others come first, so that a member is looked at as it is written in the end.
    for (query, member) in gathered.into_iter().rev() {
        let Some(last) = query.stmts.last() else {
            continue;
        };
        let (_, end) = bytes_of(&last.span, text);
        let (_, to) = bytes_of(member.span(), text);
        let member = edits.applied(text, start_of(member, text), to);
        // As a member of an array, since what begins with a brace is read as a query of its own.
        edits.insert(end, &format!("; [{member}] != []"));
    }
    edits.0
}

/// Changes by the place where they are made.
#[derive(Default)]
struct Edits(BTreeMap<usize, Edit>);

impl Edits {
    fn insert(&mut self, place: usize, text: &str) {
        if !text.is_empty() {
            self.0.entry(place).or_default().text.push_str(text);
        }
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        let edit = self.0.entry(start).or_default();
        if edit.instead_of == 0 {
            edit.text.push_str(text);
            edit.instead_of = end.saturating_sub(start);
        }
    }

    /// A part of the text with the changes inside of it, on one line.
    fn applied(&self, text: &str, from: usize, to: usize) -> String {
        let mut applied = String::new();
        let mut at = from;
        for (&place, edit) in self.0.range(from..to) {
            applied.push_str(text.get(at..place).unwrap_or_default());
            applied.push_str(&edit.text);
            at = place + edit.instead_of;
        }
        applied.push_str(text.get(at..to).unwrap_or_default());
        on_one_line(&applied)
    }
}

/// The same text without its comments and line breaks. A raw string has spaces for its own: only whether there is a value
/// is asked of what is written this way.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut characters = text.chars();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '#') => {
                characters.by_ref().find(|&c| c == '\n');
                line.push(' ');
            }
            (_, '\n' | '\r') => line.push(' '),
            (None, '"' | '`') => {
                quote = Some(character);
                line.push(character);
            }
            (Some('"'), '\\') => {
                line.push(character);
                line.extend(characters.next());
            }
            (Some(open), _) => {
                line.push(character);
                if character == open {
                    quote = None;
                }
            }
            (None, _) => line.push(character),
        }
    }
    line
}

/// What a body has to name at its start.
fn first_words<'a>(query: &'a Query, parts: impl Iterator<Item = &'a Ref<Expr>>) -> String {
    let mut named = Named::default();
    syntax::walk_query(query, &mut |at| named.see(at));
    for part in parts {
        syntax::walk(part, &mut |at| named.see(at));
    }
    named.words()
}

fn first_words_of<'a>(parts: impl Iterator<Item = &'a Ref<Expr>>) -> String {
    let mut named = Named::default();
    for part in parts {
        syntax::walk(part, &mut |at| named.see(at));
    }
    named.words()
}

#[derive(Default)]
struct Named {
    input: bool,
    data: bool,
    loops: bool,
}

impl Named {
    fn see(&mut self, at: Node<'_>) {
        match at {
            Node::Stmt(stmt) => {
                self.loops |= matches!(
                    stmt.literal,
                    Literal::NotExpr { .. } | Literal::Every { .. }
                );
            }
            Node::Expr(expr) => {
                let name = syntax::variable(expr);
                self.input |= name == Some("input");
                // An import stands for data too, and so does whatever is none of ours.
                self.data |= name.is_some_and(|name| name != "input");
                self.loops |= matches!(
                    expr.as_ref(),
                    Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. }
                );
            }
        }
    }

    fn words(&self) -> String {
        let mut words = String::new();
        if self.loops && self.input {
            words.push_str("input; ");
        }
        if self.loops && self.data {
            words.push_str("not data[\"\"]; ");
        }
        words
    }
}

/// The members of an array or an object that is gathered, if they may be undefined, with the query they are gathered by.
fn members(expr: &Ref<Expr>) -> Vec<(&Query, &Ref<Expr>)> {
    let (query, members) = match expr.as_ref() {
        Expr::ArrayCompr { term, query, .. } => (query, vec![term]),
        Expr::ObjectCompr {
            key, value, query, ..
        } => (query, vec![key, value]),
        _ => return vec![],
    };
    let may_be_undefined = |member: &&Ref<Expr>| {
        let mut runs = false;
        syntax::walk(member, &mut |at| {
            if let Node::Expr(expr) = at {
                runs |= syntax::variable(expr) == Some("_");
            }
        });
        !runs && !syntax::is_literal(member) && syntax::variable(member).is_none()
    };
    let members = members.into_iter().filter(may_be_undefined);
    members.map(|member| (query.as_ref(), member)).collect()
}

/// Where an expression begins. The span of an object begins at its last field.
fn start_of(expr: &Ref<Expr>, text: &str) -> usize {
    let (own, _) = bytes_of(expr.span(), text);
    let first = match expr.as_ref() {
        Expr::Object { fields, .. } => {
            let key = fields.first().map(|(_, key, _)| start_of(key, text));
            let brace = key.and_then(|key| text.get(..key)?.rfind('{'));
            return brace.map_or(own, |brace| brace.min(own));
        }
        Expr::BoolExpr { lhs, .. } | Expr::ArithExpr { lhs, .. } | Expr::BinExpr { lhs, .. } => lhs,
        Expr::Membership { value, .. } => value,
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => refr,
        _ => return own,
    };
    start_of(first, text).min(own)
}

/// A path as one writes it.
fn written(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        let is_name = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if text.is_empty() {
            text.push_str(part);
        } else if is_name {
            let _ = write!(text, ".{part}");
        } else {
            let _ = write!(text, "[{}]", serde_json::json!(part));
        }
    }
    text
}

/// The name that a statement assigns with `:=`.
fn assigned(stmt: &LiteralStmt) -> Option<&str> {
    let Literal::Expr { expr, .. } = &stmt.literal else {
        return None;
    };
    let Expr::AssignExpr {
        op: AssignOp::ColEq,
        lhs,
        ..
    } = expr.as_ref()
    else {
        return None;
    };
    syntax::variable(lhs).filter(|name| *name != "_")
}
