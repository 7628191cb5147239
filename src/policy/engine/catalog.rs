//! All rules of a set by name, and which of them each one needs.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use regorus::unstable::{BUILTINS, Expr, Import, Ref, Rule, RuleHead};

use crate::policy::engine::parse::{Parsed, bytes_of};
use crate::policy::engine::syntax::{self, Node, Step};

/// The rules of a set.
pub(crate) struct Catalog {
    pub(crate) files: Vec<Parsed>,
    pub(crate) rules: Vec<RuleNode>,
    /// Package, then name, to indexes into `rules`.
    names: HashMap<Arc<str>, HashMap<String, Vec<usize>>>,
    packages: BTreeSet<Arc<str>>,
    /// By package, since the engine knows imports by package and not by file; [`Self::imports_clash`] says where that
    /// would make a difference.
    imports: BTreeMap<Arc<str>, BTreeMap<String, Vec<String>>>,
}

/// One rule as written: a head with its bodies.
pub(crate) struct RuleNode {
    pub(crate) file: usize,
    pub(crate) package: Arc<str>,
    pub(crate) name: String,
    pub(crate) rule: Ref<Rule>,
    /// Bytes of its text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: u32,
    /// The rules it names, directly.
    pub(crate) needs: Vec<usize>,
}

/// What a dotted name in a file stands for.
pub(crate) enum Target {
    /// A path of the input.
    Input(Vec<String>),
    /// Rules, all that may be meant, with the number of names used up.
    Rules(Vec<usize>, usize),
    /// A whole package, or a part of the tree above packages.
    Package(String),
    /// A document of the data files.
    Data,
    /// Neither: a local variable, or nothing at all.
    Other,
}

impl Catalog {
    /// The rules that serve: tests are left out.
    pub(crate) fn new(parsed: Vec<Parsed>) -> Self {
        let files = parsed.into_iter().filter(|file| !file.is_test());
        Self::of(files.collect(), |name| {
            !name.starts_with("test_") && !name.starts_with("todo_")
        })
    }

    /// All rules, those of tests included.
    pub(crate) fn with_tests(parsed: Vec<Parsed>) -> Self {
        Self::of(parsed, |_| true)
    }

    fn of(files: Vec<Parsed>, keep: impl Fn(&str) -> bool) -> Self {
        let mut catalog = Self {
            files,
            rules: Vec::new(),
            names: HashMap::new(),
            packages: BTreeSet::new(),
            imports: BTreeMap::new(),
        };
        for (index, file) in catalog.files.iter().enumerate() {
            let package: Arc<str> = file.package.as_str().into();
            catalog.packages.insert(Arc::clone(&package));
            let imports = catalog.imports.entry(Arc::clone(&package)).or_default();
            imports.extend(file.module.imports.iter().filter_map(alias));
            for rule in &file.module.policy {
                let Some(name) = name_of(rule) else { continue };
                if !keep(&name) {
                    continue;
                }
                let (start, end) = bytes_of(rule.span(), &file.file.text);
                let names = catalog.names.entry(Arc::clone(&package)).or_default();
                names
                    .entry(name.clone())
                    .or_default()
                    .push(catalog.rules.len());
                catalog.rules.push(RuleNode {
                    file: index,
                    package: Arc::clone(&package),
                    name,
                    rule: rule.clone(),
                    start,
                    end,
                    line: rule.span().line,
                    needs: Vec::new(),
                });
            }
        }
        let needs: Vec<_> = catalog
            .rules
            .iter()
            .map(|rule| catalog.needs(rule))
            .collect();
        for (rule, needs) in catalog.rules.iter_mut().zip(needs) {
            rule.needs = needs;
        }
        catalog
    }

    /// The text of the rule's file.
    pub(crate) fn parsed(&self, rule: &RuleNode) -> Option<&Parsed> {
        self.files.get(rule.file)
    }

    /// All rules of this name in this package.
    pub(crate) fn named(&self, package: &str, name: &str) -> &[usize] {
        self.names
            .get(package)
            .and_then(|names| names.get(name))
            .map_or(&[], Vec::as_slice)
    }

    /// Imports that give a name another meaning than a file of the same package gives it.
    pub(crate) fn imports_clash(&self) -> Vec<(&Parsed, &Import)> {
        let mut clashes = Vec::new();
        for file in &self.files {
            for import in &file.module.imports {
                let Some((name, path)) = alias(import) else {
                    continue;
                };
                let package = self.imports.get(file.package.as_str());
                if package.and_then(|imports| imports.get(&name)) != Some(&path) {
                    clashes.push((file, import));
                }
            }
        }
        clashes
    }

    /// The path of data that `name`, written in `file` and no local variable, stands for by an import.
    pub(crate) fn imported(&self, file: usize, name: &str) -> Option<&[String]> {
        let package = self.files.get(file)?.package.as_str();
        if name == "data" || name == "input" || !self.named(package, name).is_empty() {
            return None;
        }
        let path = self.imports.get(package)?.get(name)?;
        (path.first()? == "data").then_some(path.as_slice())
    }

    /// What `path`, written in `file`, stands for when its root is no local variable.
    pub(crate) fn resolve(&self, file: usize, path: &[&str]) -> Target {
        let Some((root, rest)) = path.split_first() else {
            return Target::Other;
        };
        let Some(parsed) = self.files.get(file) else {
            return Target::Other;
        };
        match *root {
            "input" => return Target::Input(rest.iter().map(|&name| name.to_owned()).collect()),
            "data" => return self.resolve_data(rest),
            _ => {}
        }
        let own = self.named(&parsed.package, root);
        if !own.is_empty() {
            return Target::Rules(own.to_vec(), 1);
        }
        let imports = self.imports.get(parsed.package.as_str());
        let Some(import) = imports.and_then(|imports| imports.get(*root)) else {
            return Target::Other;
        };
        let full: Vec<&str> = import
            .iter()
            .map(String::as_str)
            .chain(rest.iter().copied())
            .collect();
        match self.resolve(file, &full) {
            Target::Rules(rules, used) => {
                Target::Rules(rules, (used + 1).saturating_sub(import.len()))
            }
            target => target,
        }
    }

    fn resolve_data(&self, path: &[&str]) -> Target {
        let mut found = Vec::new();
        let mut used = 0;
        for length in (1..path.len()).rev() {
            let package = path.get(..length).unwrap_or_default().join(".");
            let Some(name) = path.get(length) else {
                continue;
            };
            let rules = self.named(&package, name);
            if !rules.is_empty() {
                used = used.max(length + 2);
                found.extend_from_slice(rules);
            }
        }
        if !found.is_empty() {
            return Target::Rules(found, used);
        }
        let whole = path.join(".");
        let below = format!("{whole}.");
        let from = (Bound::Included(below.as_str()), Bound::Unbounded);
        let after = self.packages.range::<str, _>(from).next();
        let above_packages = after.is_some_and(|package| package.starts_with(&below));
        if path.is_empty() || above_packages || self.packages.contains(whole.as_str()) {
            return Target::Package(whole);
        }
        Target::Data
    }

    /// Whether a call by this name in this file reaches a rule of the set.
    pub(crate) fn calls(&self, file: usize, path: &[&str]) -> Option<Vec<usize>> {
        match self.resolve(file, path) {
            Target::Rules(rules, _) => Some(rules),
            Target::Input(_) | Target::Package(_) | Target::Data | Target::Other => None,
        }
    }

    /// The rules that these reach, themselves included, sorted.
    pub(crate) fn reach(&self, from: &[usize]) -> BTreeSet<usize> {
        let mut reached: BTreeSet<usize> = from.iter().copied().collect();
        let mut open = from.to_vec();
        while let Some(at) = open.pop() {
            let Some(rule) = self.rules.get(at) else {
                continue;
            };
            for &next in &rule.needs {
                if reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached
    }

    fn needs(&self, rule: &RuleNode) -> Vec<usize> {
        let mut needs = BTreeSet::new();
        syntax::walk_rule(&rule.rule, &mut |node| {
            let Node::Expr(expr) = node else { return };
            let path = match expr.as_ref() {
                Expr::Call { fcn, .. } => syntax::dotted(fcn),
                Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                    Some(prefix(expr))
                }
                _ => None,
            };
            if let Some(Target::Rules(rules, _)) = path.map(|path| self.resolve(rule.file, &path)) {
                needs.extend(rules);
            }
        });
        needs.into_iter().collect()
    }
}

/// The names at the front of a reference.
pub(crate) fn prefix(expr: &Ref<Expr>) -> Vec<&str> {
    let (root, steps) = syntax::chain(expr);
    let Some(root) = syntax::variable(root) else {
        return vec![];
    };
    let mut path = vec![root];
    for step in steps {
        match step {
            Step::Name(name) => path.push(name),
            Step::Index(_) => break,
        }
    }
    path
}

/// The name an import gives and the path it stands for.
fn alias(import: &Import) -> Option<(String, Vec<String>)> {
    let path = syntax::dotted(&import.refr)?;
    if !matches!(path.first(), Some(&("data" | "input"))) {
        return None;
    }
    let name = match &import.r#as {
        Some(name) => name.text(),
        None => path.last()?,
    };
    Some((
        name.to_owned(),
        path.iter().map(|&part| part.to_owned()).collect(),
    ))
}

/// The first name of the rule's head.
pub(crate) fn name_of(rule: &Rule) -> Option<String> {
    let refr = match rule {
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
        Rule::Default { refr, .. } => refr,
    };
    let (root, _) = syntax::chain(refr);
    syntax::variable(root).map(str::to_owned)
}

/// Whether the engine has a built-in function of this name.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains_key(name)
}
