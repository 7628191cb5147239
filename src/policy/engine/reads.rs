//! Which paths of the input a condition rests on, through helper rules, functions and comprehensions.
//!
//! It errs on one side only: a path too many asks a person once too often, a path too few could approve on facts that
//! were not there. The author's own word that absence is fine is taken: `is_*`, `type_name`, `object.get` with a default.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{
    AssignOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, RuleBody, RuleHead,
};

use crate::policy::engine::catalog::{Catalog, Target, is_builtin};
use crate::policy::engine::syntax::{self, Step};

/// One step of a path through the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A literal key.
    Is(Value),
    /// Every element.
    Every,
    /// The key that is found at another path of the input.
    At(Path),
    /// A key that only an evaluation would know.
    Computed,
}

/// A path through the input.
pub(crate) type Path = Vec<Key>;

/// What a value may be a part of, or may contain.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    /// It is the value at one of these paths.
    paths: BTreeSet<Path>,
    /// It is a collection with such elements.
    elements: BTreeSet<Path>,
    /// It is the value at one of these paths, or what stands in for an absent one: only what is below counts as read.
    or_else: BTreeSet<Path>,
}

impl Origin {
    fn at(path: Path) -> Self {
        Self {
            paths: BTreeSet::from([path]),
            ..Self::default()
        }
    }

    fn step(&self, key: &Key) -> Self {
        let longer = |path: &Path| path.iter().cloned().chain([key.clone()]).collect();
        let mut paths: BTreeSet<Path> =
            self.paths.iter().chain(&self.or_else).map(longer).collect();
        paths.extend(self.elements.iter().cloned());
        // An element may itself have been built of such elements.
        Self {
            paths,
            elements: self.elements.clone(),
            or_else: BTreeSet::new(),
        }
    }

    fn join(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.elements.extend(other.elements);
        self.or_else.extend(other.or_else);
    }

    fn as_element(self) -> Self {
        let mut elements = self.elements;
        elements.extend(self.paths);
        elements.extend(self.or_else);
        Self {
            elements,
            ..Self::default()
        }
    }
}

type Names = BTreeMap<String, Origin>;

/// Calls this deep are not followed: what they read is not known.
const DEEPEST_CALL: usize = 24;
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
                let elements = self.value(collection).step(&Key::Every);
                if let Some(key) = key {
                    self.bind(key, &Origin::default());
                }
                self.bind(value, &elements);
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
                let elements = self.value(domain).step(&Key::Every);
                let outer = self.names.clone();
                if let Some(key) = key {
                    self.names.insert(key.text().to_owned(), Origin::default());
                }
                self.names.insert(value.text().to_owned(), elements);
                self.query(query);
                self.names = outer;
            }
        }
    }

    /// Binds the names of a pattern to the parts of a value.
    fn bind(&mut self, pattern: &Ref<Expr>, origin: &Origin) {
        match pattern.as_ref() {
            Expr::Var { .. } => {
                if let Some(name) = syntax::variable(pattern) {
                    self.names
                        .entry(name.to_owned())
                        .or_default()
                        .join(origin.clone());
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
                    let key = self.key(key);
                    let part = origin.step(&key);
                    self.read(&part);
                    self.bind(value, &part);
                }
            }
            _ => {}
        }
    }

    fn read(&mut self, origin: &Origin) {
        if self.reads.len() + origin.paths.len() > MOST_PATHS {
            self.reads.insert(vec![Key::Computed]);
        } else {
            self.reads
                .extend(origin.paths.iter().filter(|path| !path.is_empty()).cloned());
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
                let right = self.value(rhs);
                self.bind(lhs, &right);
                if matches!(op, AssignOp::Eq) {
                    let left = self.value(lhs);
                    self.bind(rhs, &left);
                }
                Origin::default()
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => self
                .scoped(|reader| {
                    reader.query(query);
                    reader.value(term).as_element()
                }),
            Expr::ObjectCompr {
                key, value, query, ..
            } => self.scoped(|reader| {
                reader.query(query);
                reader.value(key);
                reader.value(value).as_element()
            }),
            Expr::BinExpr { lhs, rhs, .. } => {
                let mut origin = self.value(lhs);
                origin.join(self.value(rhs));
                origin
            }
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
                let mut origin = Origin::default();
                for part in syntax::parts(expr) {
                    origin.join(self.value(part).as_element());
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
                Step::Index(index) => self.key(index),
            };
            origin = origin.step(&key);
        }
        origin
    }

    /// The key an index expression stands for. A name that nothing has bound yet runs over all keys.
    fn key(&mut self, index: &Ref<Expr>) -> Key {
        match index.as_ref() {
            Expr::String { value, .. }
            | Expr::RawString { value, .. }
            | Expr::Number { value, .. } => {
                return Key::Is(value.clone());
            }
            Expr::Var { .. } => {
                let name = syntax::variable(index).unwrap_or_default();
                let bound = self
                    .names
                    .get(name)
                    .is_some_and(|origin| *origin != Origin::default());
                let rule = matches!(self.catalog.resolve(self.file, &[name]), Target::Rules(..));
                if !bound && !rule && name != "input" {
                    return Key::Every;
                }
            }
            _ => {}
        }
        let origin = self.value(index);
        let mut paths = origin.paths.into_iter();
        match (paths.next(), paths.next()) {
            (Some(path), None) => Key::At(path),
            _ => Key::Computed,
        }
    }

    fn call(&mut self, function: &Ref<Expr>, arguments: &[Ref<Expr>]) -> Origin {
        let path = syntax::dotted(function).unwrap_or_default();
        if let Some(rules) = self.catalog.calls(self.file, &path) {
            let origins: Vec<Origin> = arguments
                .iter()
                .map(|argument| self.value(argument))
                .collect();
            return self.rules(&rules, Some(&origins));
        }
        let name = path.join(".");
        let says_so = (name.starts_with("is_") || name == "type_name") && is_builtin(&name);
        if says_so {
            for argument in arguments {
                match argument.as_ref() {
                    Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                        self.reference(argument);
                    }
                    _ => {
                        self.value(argument);
                    }
                }
            }
            return Origin::default();
        }
        if let ("object.get", [object, key, default]) = (name.as_str(), arguments) {
            let origin = self.value(object);
            let mut found = match key.as_ref() {
                Expr::Array { items, .. } => {
                    let keys: Vec<Key> = items.iter().map(|item| self.key(item)).collect();
                    keys.iter().fold(origin, |origin, key| origin.step(key))
                }
                _ => {
                    let key = self.key(key);
                    origin.step(&key)
                }
            };
            // What is absent took the default: nothing rests on the path itself, only on what is below it.
            let through: BTreeSet<Path> = std::mem::take(&mut found.paths);
            found.or_else.extend(through);
            found.join(self.value(default));
            return found;
        }
        let mut origin = Origin::default();
        for argument in arguments {
            origin.join(self.value(argument));
        }
        if name == "json.unmarshal" || name == "base64.decode" || name == "yaml.unmarshal" {
            return Origin::at(vec![Key::Computed]).as_element();
        }
        if keeps_elements(&name) {
            origin
        } else {
            Origin::default()
        }
    }

    /// What rules of one name read and are; with arguments, for this one call.
    fn rules(&mut self, rules: &[usize], arguments: Option<&[Origin]>) -> Origin {
        let mut all = Origin::default();
        for &index in rules {
            let call = (index, arguments.map(<[Origin]>::to_vec).unwrap_or_default());
            if let Some((reads, origin)) = self.known.get(&call) {
                self.reads.extend(reads.iter().cloned());
                all.join(origin.clone());
                continue;
            }
            // Recursion is refused elsewhere; here it only must end.
            if self.depth >= DEEPEST_CALL || !self.inside.insert(index) {
                self.reads.insert(vec![Key::Computed]);
                return all;
            }
            let (reads, origin) = self.rule(index, arguments);
            self.inside.remove(&index);
            self.reads.extend(reads.iter().cloned());
            all.join(origin.clone());
            self.known.insert(call, (reads, origin));
        }
        all
    }

    fn rule(&mut self, index: usize, arguments: Option<&[Origin]>) -> (BTreeSet<Path>, Origin) {
        let catalog = self.catalog;
        let Some(node) = catalog.rules.get(index) else {
            return (BTreeSet::from([vec![Key::Computed]]), Origin::default());
        };
        let Rule::Spec { head, bodies, .. } = node.rule.as_ref() else {
            return (BTreeSet::new(), Origin::default());
        };
        let outer_names = std::mem::take(&mut self.names);
        let outer_reads = std::mem::take(&mut self.reads);
        let outer_file = std::mem::replace(&mut self.file, node.file);
        self.depth += 1;
        if let (RuleHead::Func { args, .. }, Some(origins)) = (head, arguments) {
            for (argument, origin) in args.iter().zip(origins) {
                self.bind(argument, origin);
            }
        }
        let mut origin = Origin::default();
        if bodies.is_empty() {
            origin.join(self.head(head, None));
        }
        let named = self.names.clone();
        for body in bodies {
            self.names.clone_from(&named);
            self.query(&body.query);
            origin.join(self.head(head, Some(body)));
        }
        self.depth -= 1;
        self.file = outer_file;
        self.names = outer_names;
        (std::mem::replace(&mut self.reads, outer_reads), origin)
    }

    fn head(&mut self, head: &RuleHead, body: Option<&RuleBody>) -> Origin {
        if let Some(assign) = body.and_then(|body| body.assign.as_ref()) {
            return self.value(&assign.value);
        }
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                let is_partial = matches!(refr.as_ref(), Expr::RefBrack { .. });
                if let Expr::RefBrack { index, .. } = refr.as_ref() {
                    self.value(index);
                }
                let origin = assign
                    .as_ref()
                    .map(|assign| self.value(&assign.value))
                    .unwrap_or_default();
                if is_partial {
                    origin.as_element()
                } else {
                    origin
                }
            }
            RuleHead::Set { key, .. } => key
                .as_ref()
                .map(|key| self.value(key).as_element())
                .unwrap_or_default(),
            RuleHead::Func { assign, .. } => assign
                .as_ref()
                .map(|assign| self.value(&assign.value))
                .unwrap_or_default(),
        }
    }
}

/// Built-ins whose result holds the elements they were given.
fn keeps_elements(name: &str) -> bool {
    matches!(
        name,
        "array.concat"
            | "array.reverse"
            | "array.slice"
            | "sort"
            | "union"
            | "intersection"
            | "object.union"
            | "object.union_n"
            | "object.filter"
            | "object.remove"
            | "object.subset"
            | "json.filter"
            | "json.remove"
            | "json.patch"
            | "cast_array"
            | "cast_set"
            | "cast_object"
            | "min"
            | "max"
            | "set_diff"
            | "object.values"
    )
}
