//! What calls read: rules, functions, and the built-ins that say something about absence or hand elements on.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a syntax tree has two dozen kinds of nodes, of which each function looks at a few"
)]

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Ref, Rule, RuleBody, RuleHead};

use super::Reader;
use super::origin::{Key, Origin, Path};
use crate::policy::engine::catalog::is_builtin;
use crate::policy::engine::syntax;

/// Calls this deep are not followed: what they read is not known.
const DEEPEST_CALL: usize = 24;

impl Reader<'_> {
    pub(super) fn call(&mut self, function: &Ref<Expr>, arguments: &[Ref<Expr>]) -> Origin {
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
            let keys: Vec<Key> = if let Expr::Array { items, .. } = key.as_ref() {
                items
                    .iter()
                    .map(|item| self.key(item, &Origin::default()))
                    .collect()
            } else {
                vec![self.key(key, &Origin::default())]
            };
            // The author's word is on absence: null and what has no parts are no absence.
            if !matches!(default.as_ref(), Expr::Null { .. }) {
                let optional = |key: &Key| match key {
                    Key::Is(key) => Key::Optional(key.clone()),
                    other => other.clone(),
                };
                for path in &origin.paths {
                    let keys = keys.iter().map(optional);
                    self.reads
                        .insert(path.iter().cloned().chain(keys).collect());
                }
            }
            let mut found = keys.iter().fold(origin, |origin, key| origin.step(key));
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
            return Origin::at(vec![Key::Computed]).into_element();
        }
        if keeps_elements(&name) {
            origin
        } else {
            Origin::default()
        }
    }

    /// What rules of one name read and are; with arguments, for this one call.
    pub(super) fn rules(&mut self, rules: &[usize], arguments: Option<&[Origin]>) -> Origin {
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
                    origin.into_element()
                } else {
                    origin
                }
            }
            RuleHead::Set { key, .. } => key
                .as_ref()
                .map(|key| self.value(key).into_element())
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
