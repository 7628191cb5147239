//! Which paths of the input a condition rests on, through helper rules, functions and comprehensions.
//!
//! It errs on one side only: a path too many asks a person once too often, a path too few could approve on facts that
//! were not there. The author's own word that absence is fine is taken: `is_*`, `type_name`, `object.get` with a default.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

mod calls;
mod origin;

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref};

use crate::policy::engine::catalog::{Catalog, Target};
use crate::policy::engine::syntax::{self, Step};
use origin::Origin;
pub(crate) use origin::{Key, Path};

type Names = BTreeMap<String, Origin>;

/// More paths than this are not told apart.
const MOST_PATHS: usize = 512;

/// Walks one body at a time.
pub(crate) struct Reader<'a> {
    catalog: &'a Catalog,
    file: usize,
    names: Names,
    reads: BTreeSet<Path>,
    depth: usize,
    /// What a rule reads and is, for the arguments it is given, computed once.
    known: BTreeMap<(usize, Vec<Origin>), (BTreeSet<Path>, Origin)>,
    /// Rules that are being looked at.
    inside: BTreeSet<usize>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            file: 0,
            names: Names::new(),
            reads: BTreeSet::new(),
            depth: 0,
            known: BTreeMap::new(),
            inside: BTreeSet::new(),
        }
    }

    /// The paths each statement of a body rests on, and last those of the element in the head.
    pub(crate) fn body(
        &mut self,
        file: usize,
        query: Option<&Query>,
        head: Option<&Ref<Expr>>,
    ) -> Vec<Vec<Path>> {
        self.file = file;
        self.names.clear();
        if let Some(query) = query {
            self.settle(query);
        }
        let mut all = Vec::new();
        for stmt in query.iter().flat_map(|query| &query.stmts) {
            self.reads.clear();
            self.stmt(stmt);
            all.push(std::mem::take(&mut self.reads).into_iter().collect());
        }
        self.reads.clear();
        if let Some(head) = head {
            self.value(head);
        }
        all.push(std::mem::take(&mut self.reads).into_iter().collect());
        all
    }

    /// Binds all names of a query, whatever the order they are written in.
    fn settle(&mut self, query: &Query) {
        let kept = std::mem::take(&mut self.reads);
        for _ in 0..4 {
            let before = self.names.clone();
            for stmt in &query.stmts {
                self.stmt(stmt);
            }
            if self.names == before {
                break;
            }
        }
        self.reads = kept;
    }

    fn query(&mut self, query: &Query) {
        self.settle(query);
        for stmt in &query.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &LiteralStmt) {
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => {
                for var in vars {
                    self.names.entry(var.text().to_owned()).or_default();
                }
            }
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                let all = self.collection(collection);
                if let Some(key) = key {
                    self.bind_key(key, &all);
                }
                self.bind(value, &all.step(&Key::Every));
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => {
                self.value(expr);
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                let all = self.collection(domain);
                let outer = self.names.clone();
                if let Some(key) = key {
                    let keys_of = all.as_collection();
                    self.names.insert(
                        key.text().to_owned(),
                        Origin {
                            keys_of,
                            ..Origin::default()
                        },
                    );
                }
                self.names
                    .insert(value.text().to_owned(), all.step(&Key::Every).given());
                self.query(query);
                self.names = outer;
            }
        }
    }

    /// What an expression is and what it was made of.
    fn made(&mut self, expr: &Ref<Expr>) -> Origin {
        let before = std::mem::take(&mut self.reads);
        let mut origin = self.value(expr);
        origin.made_of.extend(self.reads.iter().cloned());
        self.reads.extend(before);
        origin
    }

    /// The same of an expression that must have elements.
    fn collection(&mut self, expr: &Ref<Expr>) -> Origin {
        let origin = self.made(expr);
        let all = origin.paths.iter().chain(&origin.or_else);
        let all: Vec<Path> = all
            .map(|path| path.iter().cloned().chain([Key::Elements]).collect())
            .collect();
        self.reads.extend(all);
        origin
    }

    /// Binds the names of a pattern to the parts of a value.
    fn bind(&mut self, pattern: &Ref<Expr>, origin: &Origin) {
        match pattern.as_ref() {
            Expr::Var { .. } => {
                if let Some(name) = syntax::variable(pattern) {
                    self.names
                        .entry(name.to_owned())
                        .or_default()
                        .join(origin.clone().given());
                }
            }
            Expr::Array { items, .. } => {
                for (item, index) in items.iter().zip(0_u64..) {
                    let part = origin.step(&Key::Is(Value::from(index)));
                    self.read(&part);
                    self.bind(item, &part);
                }
            }
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    let key = self.key(key, origin);
                    let part = origin.step(&key);
                    self.read(&part);
                    self.bind(value, &part);
                }
            }
            _ => {}
        }
    }

    /// Binds a name to the keys of a collection.
    fn bind_key(&mut self, pattern: &Ref<Expr>, collection: &Origin) {
        if let Some(name) = syntax::variable(pattern) {
            let known = self.names.entry(name.to_owned()).or_default();
            known.keys_of.extend(collection.as_collection());
        }
    }

    fn read(&mut self, origin: &Origin) {
        if self.reads.len() + origin.paths.len() + origin.made_of.len() > MOST_PATHS {
            self.reads.insert(vec![Key::Computed]);
        } else {
            let all = origin.paths.iter().chain(&origin.made_of);
            self.reads
                .extend(all.filter(|path| !path.is_empty()).cloned());
        }
    }

    /// Records what an expression reads and says what its value is a part of.
    fn value(&mut self, expr: &Ref<Expr>) -> Origin {
        match expr.as_ref() {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                let origin = self.reference(expr);
                self.read(&origin);
                origin
            }
            Expr::Call { fcn, params, .. } => self.call(fcn, params),
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                let right = self.made(rhs);
                self.bind(lhs, &right);
                if matches!(op, AssignOp::Eq) {
                    let left = self.made(lhs);
                    self.bind(rhs, &left);
                }
                Origin::default()
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                for part in key.iter().chain([value]) {
                    self.value(part);
                }
                self.collection(collection);
                Origin::default()
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => self
                .scoped(|reader| {
                    reader.query(query);
                    reader.value(term).into_element()
                }),
            Expr::ObjectCompr {
                key, value, query, ..
            } => self.scoped(|reader| {
                reader.query(query);
                reader.value(key);
                reader.value(value).into_element()
            }),
            Expr::BinExpr { lhs, rhs, .. } => {
                let mut origin = self.value(lhs);
                origin.join(self.value(rhs));
                origin
            }
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
                let mut origin = Origin::default();
                for part in syntax::parts(expr) {
                    origin.join(self.value(part).into_element());
                }
                origin
            }
            _ => {
                for part in syntax::parts(expr) {
                    self.value(part);
                }
                Origin::default()
            }
        }
    }

    fn scoped(&mut self, inner: impl FnOnce(&mut Self) -> Origin) -> Origin {
        let outer = self.names.clone();
        let origin = inner(self);
        self.names = outer;
        origin
    }

    /// The origin of a reference, without recording the reference itself; the keys inside it are recorded.
    fn reference(&mut self, expr: &Ref<Expr>) -> Origin {
        let (root, steps) = syntax::chain(expr);
        let Some(name) = syntax::variable(root) else {
            let origin = self.value(root);
            return self.follow(origin, &steps);
        };
        if let Some(origin) = self.names.get(name).cloned() {
            return self.follow(origin, &steps);
        }
        let mut path = vec![name];
        path.extend(steps.iter().map_while(|step| match step {
            Step::Name(name) => Some(*name),
            Step::Index(_) => None,
        }));
        let (origin, used) = match self.catalog.resolve(self.file, &path) {
            Target::Input(names) => {
                let keys = names
                    .into_iter()
                    .map(|name| Key::Is(Value::from(name)))
                    .collect();
                (Origin::at(keys), path.len())
            }
            Target::Rules(rules, used) => (self.rules(&rules, None), used),
            Target::Package(_) | Target::Data | Target::Other => (Origin::default(), path.len()),
        };
        let rest = steps
            .get(used.saturating_sub(1)..)
            .unwrap_or_default()
            .to_vec();
        self.follow(origin, &rest)
    }

    fn follow(&mut self, mut origin: Origin, steps: &[Step<'_>]) -> Origin {
        for step in steps {
            let key = match step {
                Step::Name(name) => Key::Is(Value::from(*name)),
                Step::Index(index) => self.key(index, &origin),
            };
            origin = origin.step(&key);
        }
        origin
    }

    /// The key an index expression stands for. A name that nothing has bound runs over all keys of `collection`, but one
    /// that runs over the keys of two collections may name what only one of them has.
    fn key(&mut self, index: &Ref<Expr>, collection: &Origin) -> Key {
        if let Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. } = index.as_ref()
        {
            return Key::Is(value.clone());
        }
        if let Some(name) = syntax::variable(index)
            && name != "input"
            && !self.names.get(name).is_some_and(|origin| origin.bound)
            && !matches!(self.catalog.resolve(self.file, &[name]), Target::Rules(..))
        {
            if name == "_" {
                return Key::Every;
            }
            self.bind_key(index, collection);
            let keys_of = self.names.get(name).map(|origin| &origin.keys_of);
            let only_one = keys_of == Some(&collection.as_collection());
            return if only_one { Key::Every } else { Key::Computed };
        }
        let mut paths = self.value(index).paths.into_iter();
        match (paths.next(), paths.next()) {
            (Some(path), None) if path.iter().all(|key| matches!(key, Key::Is(_))) => Key::At(path),
            _ => Key::Computed,
        }
    }
}
