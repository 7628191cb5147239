//! Expressions.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{ArithOp, BUILTINS, BinOp, Expr, Ref, Span};

use super::{Frame, constant};
use crate::policy::engine::bounds;
use crate::policy::engine::catalog::{Target, prefix};
use crate::policy::engine::guard::seen::{Node, has_parts};
use crate::policy::engine::guard::term::{
    Arithmetic, Builtin, Compare, Found, Operands, Step, Term,
};
use crate::policy::engine::syntax::{self, Step as Link};

impl Frame<'_> {
    pub(super) fn term(&mut self, expr: &Ref<Expr>, statement: u16, steps: &mut Vec<Step>) -> Term {
        if let Some(value) = constant(expr) {
            return Term::Literal(value);
        }
        match expr.as_ref() {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.reference(expr, statement, steps)
            }
            Expr::Array { items, .. } => Term::Array(self.terms(items, statement, steps)),
            Expr::Set { items, .. } => Term::Set(self.terms(items, statement, steps)),
            Expr::Object { fields, .. } => {
                let mut lowered = Vec::new();
                for (_, key, value) in fields {
                    let key = self.term(key, statement, steps);
                    lowered.push((key, self.term(value, statement, steps)));
                }
                Term::Object(lowered)
            }
            Expr::ArrayCompr { term, query, .. } => {
                Term::ArrayOf(Box::new(self.of(query, term, None).0))
            }
            Expr::SetCompr { term, query, .. } => {
                Term::SetOf(Box::new(self.of(query, term, None).0))
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                let (of, value) = self.of(query, key, Some(value));
                let value = value.unwrap_or(Term::Literal(Value::Undefined));
                Term::ObjectOf(Box::new(of), Box::new(value))
            }
            Expr::Call {
                fcn, params, span, ..
            } => self.call(fcn, params, span, statement, steps),
            Expr::UnaryExpr { expr, span, .. } => {
                let right = self.term(expr, statement, steps);
                let of = Operands {
                    left: Term::Literal(Value::from(0_u64)),
                    right,
                    texts: [String::new(), self.text(expr)],
                    expressions: [expr.clone(), expr.clone()],
                    at: self.at(span),
                };
                Term::Arithmetic(Box::new(Arithmetic {
                    operator: ArithOp::Sub,
                    of,
                    span: span.clone(),
                }))
            }
            Expr::BinExpr { op, lhs, rhs, .. } => {
                let of = Box::new(self.operands(lhs, rhs, statement, steps));
                match op {
                    BinOp::Union => Term::Union(of),
                    BinOp::Intersection => Term::Intersection(of),
                }
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                let of = self.operands(lhs, rhs, statement, steps);
                Term::Compare(Box::new(Compare {
                    operator: op.clone(),
                    of,
                }))
            }
            Expr::ArithExpr {
                op, lhs, rhs, span, ..
            } => {
                let of = self.operands(lhs, rhs, statement, steps);
                Term::Arithmetic(Box::new(Arithmetic {
                    operator: op.clone(),
                    of,
                    span: span.clone(),
                }))
            }
            // One with a key is refused at load.
            Expr::Membership {
                value, collection, ..
            } => Term::In(Box::new(self.operands(value, collection, statement, steps))),
            _ => Term::Literal(Value::Undefined),
        }
    }

    fn terms(&mut self, items: &[Ref<Expr>], statement: u16, steps: &mut Vec<Step>) -> Vec<Term> {
        items
            .iter()
            .map(|item| self.term(item, statement, steps))
            .collect()
    }

    fn operands(
        &mut self,
        left: &Ref<Expr>,
        right: &Ref<Expr>,
        statement: u16,
        steps: &mut Vec<Step>,
    ) -> Operands {
        Operands {
            texts: [self.text(left), self.text(right)],
            expressions: [left.clone(), right.clone()],
            at: self.at(left.span()),
            left: self.term(left, statement, steps),
            right: self.term(right, statement, steps),
        }
    }

    fn call(
        &mut self,
        function: &Ref<Expr>,
        arguments: &[Ref<Expr>],
        span: &Span,
        statement: u16,
        steps: &mut Vec<Step>,
    ) -> Term {
        let lowered = self.terms(arguments, statement, steps);
        let path = syntax::dotted(function).unwrap_or_default();
        if let Some(rules) = self.roots.catalog.calls(self.file, &path) {
            return match self.group(&rules) {
                Some(group) => Term::Function {
                    group,
                    arguments: lowered,
                },
                None => Term::Literal(Value::Undefined),
            };
        }
        let name = path.join(".");
        let bounded = bounds::all().find(|(bounded, ..)| *bounded == name);
        let function = match (bounded, BUILTINS.get(name.as_str())) {
            (Some((_, function, _)), _) => function,
            (None, Some((function, _))) => *function,
            (None, None) => return Term::Literal(Value::Undefined),
        };
        Term::Builtin(Box::new(Builtin {
            name,
            function,
            arguments: lowered,
            span: span.clone(),
            expressions: arguments.to_vec(),
            at: self.at(span),
        }))
    }

    fn group(&mut self, rules: &[usize]) -> Option<usize> {
        let group = rules
            .iter()
            .find_map(|rule| self.roots.group_of.get(rule))
            .copied()?;
        self.named.insert(group);
        Some(group)
    }

    fn reference(&mut self, expr: &Ref<Expr>, statement: u16, steps: &mut Vec<Step>) -> Term {
        let (root, links) = syntax::chain(expr);
        let Some(name) = syntax::variable(root) else {
            let of = self.term(root, statement, steps);
            return self.follow(of, &links, statement, steps);
        };
        if let Some(slot) = self.local(name) {
            let of = if self.is_bound(slot) {
                Term::Local(slot)
            } else {
                // Nothing can be said of a name that has no value yet.
                Term::Data(Found::Nothing(name.to_owned(), "without a value"))
            };
            return self.follow(of, &links, statement, steps);
        }
        let path = prefix(expr);
        let after = |used: usize| links.get(used.saturating_sub(1)..).unwrap_or_default();
        match self.roots.catalog.resolve(self.file, &path) {
            Target::Input(names) => {
                let keys = names.into_iter().map(Value::from).collect();
                self.fixed(keys, after(path.len()), statement, steps)
            }
            Target::Rules(rules, used) => {
                let of = match self.group(&rules) {
                    Some(group) => Term::Rule(group),
                    None => Term::Literal(Value::Undefined),
                };
                self.follow(of, after(used), statement, steps)
            }
            Target::Data => {
                let imported = self
                    .roots
                    .catalog
                    .imported(self.file, name)
                    .unwrap_or_default();
                let start: Vec<Value> = imported
                    .iter()
                    .skip(1)
                    .map(|part| Value::from(part.as_str()))
                    .collect();
                let rest = path.iter().skip(1).map(|&part| Value::from(part));
                let keys: Vec<Value> = start.into_iter().chain(rest).collect();
                let found = Term::Data(self.data(&keys));
                self.follow(found, after(path.len()), statement, steps)
            }
            Target::Package(_) | Target::Other => Term::Literal(Value::Undefined),
        }
    }

    /// A place of the input, as far as it is named by literals.
    fn fixed(
        &mut self,
        mut keys: Vec<Value>,
        links: &[Link<'_>],
        statement: u16,
        steps: &mut Vec<Step>,
    ) -> Term {
        let mut rest = links;
        while let Some((link, after)) = rest.split_first() {
            let key = match link {
                Link::Name(name) => Value::from(*name),
                Link::Index(index) => match constant(index) {
                    Some(value) => value,
                    None => break,
                },
            };
            keys.push(key);
            rest = after;
        }
        let mut node = Arc::clone(&self.roots.input);
        let mut path = Vec::new();
        for key in keys {
            node = Node::child(&node, &key);
            path.push((key, Arc::clone(&node)));
        }
        self.follow(Term::Input(path), rest, statement, steps)
    }

    fn data(&self, keys: &[Value]) -> Found {
        let mut value = self.roots.data;
        let mut node = Arc::clone(&self.roots.whole_data);
        let mut keys = keys.iter().peekable();
        while let Some(key) = keys.next() {
            let below = Node::child(&node, key);
            let part = &value[key];
            if *part == Value::Undefined {
                return match keys.peek() {
                    None if has_parts(value) => Found::NoKey(below),
                    _ => Found::Nothing(below.written(), "absent"),
                };
            }
            value = part;
            node = below;
        }
        Found::Value(value.clone(), node)
    }

    fn follow(
        &mut self,
        mut of: Term,
        links: &[Link<'_>],
        statement: u16,
        steps: &mut Vec<Step>,
    ) -> Term {
        for link in links {
            of = match link {
                Link::Name(name) => {
                    Term::Part(Box::new(of), Box::new(Term::Literal(Value::from(*name))))
                }
                Link::Index(index) if self.runs(index) => self.each(of, index, statement, steps),
                Link::Index(index) => {
                    let key = self.term(index, statement, steps);
                    Term::Part(Box::new(of), Box::new(key))
                }
            };
        }
        of
    }
}
