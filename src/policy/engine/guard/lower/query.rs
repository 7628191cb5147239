//! Statements, in an order in which every name has its value before it is used.

use std::collections::HashMap;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query as Written, Ref};

use super::Frame;
use crate::policy::engine::guard::term::{Act, Of, Query, Step, Term};
use crate::policy::engine::syntax;

impl Frame<'_> {
    /// The statements of a query in the innermost scope, and the groups that each names.
    pub(super) fn statements(&mut self, query: &Written) -> (Query, Vec<Vec<usize>>) {
        self.declare_all(query);
        let mut lowered = Query::default();
        let mut named = vec![Vec::new(); query.stmts.len()];
        let mut open: Vec<(usize, &LiteralStmt)> = query.stmts.iter().enumerate().collect();
        while !open.is_empty() {
            let ready = open
                .iter()
                .position(|(_, stmt)| self.uses(stmt).needs.is_empty());
            // One that never is has a name without a value: the engine refuses it.
            let (index, stmt) = open.remove(ready.unwrap_or(0));
            let outer = std::mem::take(&mut self.named);
            let statement = u16::try_from(index).unwrap_or(u16::MAX);
            self.statement(stmt, statement, &mut lowered.steps);
            if let Some(named) = named.get_mut(index) {
                named.extend(self.named.iter().copied());
            }
            self.named.extend(outer);
        }
        (lowered, named)
    }

    fn statement(&mut self, stmt: &LiteralStmt, statement: u16, steps: &mut Vec<Step>) {
        let act = match &stmt.literal {
            Literal::SomeVars { .. } => return,
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                let over = self.term(collection, statement, steps);
                let key = key.as_ref().map(|key| self.pattern(key, statement, steps));
                let value = Some(self.pattern(value, statement, steps));
                Act::Each { key, value, over }
            }
            Literal::NotExpr { expr, .. } => {
                self.scopes.push(HashMap::new());
                self.declare_level(expr);
                let mut inner = Query::default();
                let term = self.term(expr, 0, &mut inner.steps);
                inner.steps.push(Step {
                    statement: 0,
                    act: Act::Holds(term),
                });
                self.scopes.pop();
                Act::Not(inner)
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                let over = self.term(domain, statement, steps);
                self.scopes.push(HashMap::new());
                let taken = |frame: &mut Self, name: &str| {
                    let slot = frame.declare(name);
                    frame.bind(slot);
                    slot
                };
                let key = key.as_ref().map(|key| taken(self, key.text()));
                let value = taken(self, value.text());
                self.scopes.push(HashMap::new());
                let (query, _) = self.statements(query);
                self.scopes.pop();
                self.scopes.pop();
                Act::Every {
                    key,
                    value,
                    over,
                    query,
                }
            }
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr { op, lhs, rhs, .. } => {
                    let turned = *op == AssignOp::Eq && !self.has_value(rhs);
                    let (pattern, value) = if turned { (rhs, lhs) } else { (lhs, rhs) };
                    let term = self.term(value, statement, steps);
                    Act::Let(self.pattern(pattern, statement, steps), term)
                }
                _ => Act::Holds(self.term(expr, statement, steps)),
            },
        };
        steps.push(Step { statement, act });
    }

    /// A comprehension's query and what it makes of each solution; `second` is the value of an object's key.
    pub(super) fn of(
        &mut self,
        query: &Written,
        term: &Ref<Expr>,
        second: Option<&Ref<Expr>>,
    ) -> (Of, Option<Term>) {
        self.scopes.push(HashMap::new());
        let (mut query, _) = self.statements(query);
        let at = self.at(term.span());
        let term = self.last(term, 0, &mut query);
        let second = second.map(|second| self.last(second, 0, &mut query));
        self.scopes.pop();
        (Of { query, term, at }, second)
    }

    /// A step over the members of a collection whose keys an expression takes apart; the member's place.
    pub(super) fn each(
        &mut self,
        over: Term,
        index: &Ref<Expr>,
        statement: u16,
        steps: &mut Vec<Step>,
    ) -> Term {
        let key = self.pattern(index, statement, steps);
        let slot = self.slot();
        let value = Some(self.bind(slot));
        steps.push(Step {
            statement,
            act: Act::Each {
                key: Some(key),
                value,
                over,
            },
        });
        Term::Local(slot)
    }

    /// Whether an index gives names their values rather than being looked up.
    pub(super) fn runs(&self, index: &Ref<Expr>) -> bool {
        match index.as_ref() {
            Expr::Var { .. } => match syntax::variable(index) {
                Some("_") => true,
                Some(name) => self.local(name).is_some_and(|slot| !self.is_bound(slot)),
                None => false,
            },
            Expr::Array { items, .. } => items.iter().any(|item| self.runs(item)),
            _ => false,
        }
    }
}
