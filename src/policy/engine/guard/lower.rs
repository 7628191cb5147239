//! From syntax trees to terms and steps.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

mod alone;
mod names;
mod query;
mod term;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{Expr, Ref, Rule, RuleHead, Span};

use super::seen::Node;
use super::term::{
    At, Branch, Definition, Group, Pattern, Query, Shape, Slot, Statement, Step, Term,
};
use crate::policy::engine::bodies;
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::syntax;

/// All rules of a set of files, by group.
pub(super) struct Lowered {
    pub(super) groups: Vec<Group>,
    /// Rule of the catalog to its group and its place there.
    pub(super) by_rule: HashMap<usize, (usize, usize)>,
}

/// Lowers the rules of `serving`, by index into the catalog.
pub(super) fn lower(catalog: &Catalog, serving: &BTreeSet<usize>, data: &Value) -> Lowered {
    let mut members: BTreeMap<(Arc<str>, String), Vec<usize>> = BTreeMap::new();
    for &index in serving {
        if let Some(rule) = catalog.rules.get(index) {
            let name = (Arc::clone(&rule.package), rule.name.clone());
            members.entry(name).or_default().push(index);
        }
    }
    let group_of: HashMap<usize, usize> = members
        .values()
        .enumerate()
        .flat_map(|(group, rules)| rules.iter().map(move |&rule| (rule, group)))
        .collect();
    let files = catalog
        .files
        .iter()
        .map(|parsed| parsed.file.path.as_str().into())
        .collect();
    let roots = Roots {
        catalog,
        data,
        group_of: &group_of,
        files,
        input: Arc::new(Node::Input),
        whole_data: Arc::new(Node::Data),
    };
    let mut by_rule = HashMap::new();
    let mut groups = Vec::new();
    for ((package, name), rules) in members {
        let mut group = Group {
            name: format!("{package}.{name}"),
            shape: Shape::Value,
            definitions: Vec::new(),
            default: None,
        };
        for index in rules {
            let Some(node) = catalog.rules.get(index) else {
                continue;
            };
            match node.rule.as_ref() {
                Rule::Default { value, .. } => group.default = constant(value),
                Rule::Spec { head, bodies, .. } => {
                    group.shape = shape(head);
                    // Bodies that are no `else` are rules of their own.
                    let mut chains = vec![Vec::new()];
                    for body in bodies {
                        if !body.is_else && chains.last().is_some_and(|chain| !chain.is_empty()) {
                            chains.push(Vec::new());
                        }
                        if let Some(chain) = chains.last_mut() {
                            chain.push(body);
                        }
                    }
                    for chain in chains {
                        by_rule
                            .entry(index)
                            .or_insert((groups.len(), group.definitions.len()));
                        let frame = Frame::new(&roots, node.file);
                        group.definitions.push(frame.definition(node, head, &chain));
                    }
                }
            }
        }
        groups.push(group);
    }
    Lowered { groups, by_rule }
}

fn shape(head: &RuleHead) -> Shape {
    match head {
        RuleHead::Set { .. } => Shape::Set,
        RuleHead::Compr { refr, .. } if matches!(refr.as_ref(), Expr::RefBrack { .. }) => {
            Shape::Object
        }
        RuleHead::Compr { .. } | RuleHead::Func { .. } => Shape::Value,
    }
}

/// The value of an expression that is a literal all through.
fn constant(expr: &Expr) -> Option<Value> {
    let all = |items: &[Ref<Expr>]| -> Option<Vec<Value>> {
        items.iter().map(|item| constant(item)).collect()
    };
    match expr {
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => Some(value.clone()),
        Expr::Array { items, .. } => all(items).map(Value::from),
        Expr::Set { items, .. } => {
            let items: BTreeSet<Value> = all(items)?.into_iter().collect();
            Some(Value::from(items))
        }
        Expr::Object { fields, .. } => {
            let fields: Option<BTreeMap<Value, Value>> = fields
                .iter()
                .map(|(_, key, value)| Some((constant(key)?, constant(value)?)))
                .collect();
            fields.map(Value::from)
        }
        Expr::UnaryExpr { expr, .. } => match constant(expr)? {
            Value::Number(number) => {
                let zero = Value::from(0_u64);
                let zero = zero.as_number().ok()?;
                zero.sub(&number).ok().map(Value::from)
            }
            _ => None,
        },
        _ => None,
    }
}

/// What all rules are lowered against.
struct Roots<'a> {
    catalog: &'a Catalog,
    data: &'a Value,
    group_of: &'a HashMap<usize, usize>,
    files: Vec<Arc<str>>,
    input: Arc<Node>,
    whole_data: Arc<Node>,
}

/// One definition while it is lowered.
struct Frame<'a> {
    roots: &'a Roots<'a>,
    file: usize,
    /// Names by query, the outermost first.
    scopes: Vec<HashMap<String, Slot>>,
    /// Whether a slot has its value yet.
    bound: Vec<bool>,
    /// The groups that were named.
    named: BTreeSet<usize>,
}

impl<'a> Frame<'a> {
    fn new(roots: &'a Roots<'a>, file: usize) -> Self {
        Self {
            roots,
            file,
            scopes: vec![HashMap::new()],
            bound: Vec::new(),
            named: BTreeSet::new(),
        }
    }

    fn definition(
        mut self,
        node: &RuleNode,
        head: &RuleHead,
        chain: &[&regorus::unstable::RuleBody],
    ) -> Definition {
        let mut arguments = Vec::new();
        if let RuleHead::Func { args, .. } = head {
            for argument in args {
                self.declare_pattern(argument);
            }
            let mut steps = Vec::new();
            let patterns = args.iter();
            arguments = patterns
                .map(|argument| self.pattern(argument, 0, &mut steps))
                .collect();
        }
        let mut statements = Vec::new();
        let mut branches = Vec::new();
        if chain.is_empty() {
            branches.push(self.branch(head, None, &mut Vec::new()));
        }
        for (place, body) in chain.iter().enumerate() {
            let mut found = Vec::new();
            branches.push(self.branch(head, Some(body), &mut found));
            if place == 0 {
                statements = found;
            }
        }
        Definition {
            at: At {
                file: self.roots.files.get(node.file).cloned().unwrap_or_default(),
                line: node.line,
            },
            arguments,
            slots: self.bound.len(),
            chain: branches,
            statements,
        }
    }

    fn branch(
        &mut self,
        head: &RuleHead,
        body: Option<&regorus::unstable::RuleBody>,
        statements: &mut Vec<Statement>,
    ) -> Branch {
        self.scopes.push(HashMap::new());
        let mut query = Query::default();
        if let Some(body) = body {
            let (lowered, of_each) = self.statements(&body.query);
            query = lowered;
            let text = self
                .roots
                .catalog
                .files
                .get(self.file)
                .map_or("", |parsed| parsed.file.text.as_ref());
            for (at, stmt) in body.query.stmts.iter().enumerate() {
                let described = bodies::describe(stmt, text);
                statements.push(Statement {
                    text: described.text,
                    line: stmt.span.line,
                    is_condition: described.is_condition,
                    operands: described.operands,
                    alone: Vec::new(),
                    shown: query
                        .steps
                        .iter()
                        .rposition(|step| usize::from(step.statement) == at),
                    groups: of_each.get(at).cloned().unwrap_or_default(),
                });
            }
            alone::alone(&query, statements);
        }
        let last = u16::try_from(statements.len()).unwrap_or(u16::MAX);
        let yes = || Term::Literal(Value::from(true));
        let own = body.and_then(|body| body.assign.as_ref());
        let (value, entry) = match (own, head) {
            (Some(assign), RuleHead::Compr { refr, .. }) if shape(head) == Shape::Object => {
                let key = self.index(refr, last, &mut query);
                (key, Some(self.last(&assign.value, last, &mut query)))
            }
            (Some(assign), _) => (self.last(&assign.value, last, &mut query), None),
            (None, RuleHead::Set { key, .. }) => {
                let key = key
                    .as_ref()
                    .map_or_else(yes, |key| self.last(key, last, &mut query));
                (key, None)
            }
            (None, RuleHead::Compr { refr, assign, .. }) => {
                let assigned = |frame: &mut Self, query: &mut Query| {
                    assign
                        .as_ref()
                        .map_or_else(yes, |assign| frame.last(&assign.value, last, query))
                };
                if shape(head) == Shape::Object {
                    let key = self.index(refr, last, &mut query);
                    (key, Some(assigned(self, &mut query)))
                } else {
                    (assigned(self, &mut query), None)
                }
            }
            (None, RuleHead::Func { assign, .. }) => {
                let value = assign
                    .as_ref()
                    .map_or_else(yes, |assign| self.last(&assign.value, last, &mut query));
                (value, None)
            }
        };
        self.scopes.pop();
        Branch {
            query,
            value,
            entry,
        }
    }

    /// The key in the head of an object's rule.
    fn index(&mut self, refr: &Ref<Expr>, last: u16, query: &mut Query) -> Term {
        match refr.as_ref() {
            Expr::RefBrack { index, .. } => self.last(index, last, query),
            _ => Term::Literal(Value::Undefined),
        }
    }

    /// An expression of the head, after all statements.
    fn last(&mut self, expr: &Ref<Expr>, statement: u16, query: &mut Query) -> Term {
        self.declare_level(expr);
        self.term(expr, statement, &mut query.steps)
    }

    fn slot(&mut self) -> Slot {
        self.bound.push(false);
        self.bound.len() - 1
    }

    fn declare(&mut self, name: &str) -> Slot {
        let slot = self.slot();
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), slot);
        }
        slot
    }

    fn local(&self, name: &str) -> Option<Slot> {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .copied()
    }

    fn is_bound(&self, slot: Slot) -> bool {
        self.bound.get(slot).copied().unwrap_or(true)
    }

    fn bind(&mut self, slot: Slot) -> Pattern {
        match self.bound.get_mut(slot) {
            Some(bound) if !*bound => {
                *bound = true;
                Pattern::Bind(slot)
            }
            _ => Pattern::Is(Term::Local(slot)),
        }
    }

    /// Takes a value apart by an expression. What it runs over comes first, as steps of their own.
    fn pattern(&mut self, expr: &Ref<Expr>, statement: u16, steps: &mut Vec<Step>) -> Pattern {
        match expr.as_ref() {
            Expr::Var { .. } => match syntax::variable(expr) {
                Some("_") | None => Pattern::Any,
                Some(name) => match self.local(name) {
                    Some(slot) => self.bind(slot),
                    None => Pattern::Is(self.term(expr, statement, steps)),
                },
            },
            Expr::Array { items, .. } => {
                let items = items.iter();
                Pattern::Array(
                    items
                        .map(|item| self.pattern(item, statement, steps))
                        .collect(),
                )
            }
            Expr::Object { fields, .. } => Pattern::Object(
                fields
                    .iter()
                    .map(|(_, key, value)| {
                        let key = self.term(key, statement, steps);
                        (key, self.pattern(value, statement, steps))
                    })
                    .collect(),
            ),
            _ => Pattern::Is(self.term(expr, statement, steps)),
        }
    }

    fn at(&self, span: &Span) -> At {
        At {
            file: self.roots.files.get(self.file).cloned().unwrap_or_default(),
            line: span.line,
        }
    }

    fn text(&self, expr: &Ref<Expr>) -> String {
        let text = self
            .roots
            .catalog
            .files
            .get(self.file)
            .map_or("", |parsed| parsed.file.text.as_ref());
        bodies::written(expr.span(), text)
    }
}
