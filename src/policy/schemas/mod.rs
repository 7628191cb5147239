//! JSON Schemas beside the policies: what a request must look like before any rule is asked.
//!
//! `schemas/stripe.refund.json` describes the whole `input` of requests with the action `stripe.refund`. OPA's `schemas`
//! annotation binds a schema to a part of the document instead, and to the requests that a rule is looked at for.
//!
//! What must hold: a request that does not fit is never approved; nothing is fetched; validating takes time in proportion
//! to the size of the input.

mod compile;
mod locate;
mod misfit;
mod weight;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::domain::verdict::MissingEvidence;
use crate::json;
use crate::policy::engine::annotations::Annotation;
use crate::policy::folder::PolicyFiles;
use crate::policy::input::{self, Input};
use crate::policy::metadata::SchemaSource;

use compile::Schema;
pub(crate) use locate::locate;
pub(crate) use weight::{parts, resolve};

/// What the revision of a set with schemas says of their validator: with another one, the same files may decide otherwise.
pub(crate) const VALIDATOR: &str = "jsonschema 0.60.2";

/// Most places that one decision names.
const MOST_NAMED: usize = 20;

/// The schemas of a set, and which requests each is for.
#[derive(Default)]
pub(crate) struct Schemas {
    actions: HashMap<String, Vec<Use>>,
    always: Vec<Use>,
    /// The names of files that no annotation speaks of.
    by_name: BTreeSet<String>,
}

/// A schema for a part of the input.
#[derive(Clone)]
struct Use {
    schema: Arc<Schema>,
    /// Below `input`.
    path: Vec<String>,
    /// The rule that its annotation speaks of, or its file.
    rule: String,
}

/// A schema and the part of the input that it is enforced on, as written.
pub(crate) struct Enforced<'a> {
    /// Below `input`.
    pub(crate) path: &'a [String],
    /// The schema.
    pub(crate) value: &'a Value,
    /// The file that it is in.
    pub(crate) file: &'a str,
}

impl Schemas {
    /// Compiles the schemas of a set, or says what is wrong with them.
    pub(crate) fn load(
        files: &PolicyFiles,
        annotations: &[Annotation],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut loading = Loading::default();
        for file in &files.schemas {
            match compile::file(file) {
                Ok(schema) => {
                    loading.named.insert(file.name(), Arc::new(schema));
                }
                Err(mistake) => loading.mistakes.push(*mistake),
            }
        }
        if loading.mistakes.is_empty() {
            loading.annotated(annotations, &files.data);
            loading.by_name();
        }
        if loading.mistakes.is_empty() {
            Ok(loading.schemas)
        } else {
            Err(loading.mistakes)
        }
    }

    /// What of the input does not fit the schemas that are for it.
    pub(crate) fn misfits(&self, input: &Input) -> Vec<MissingEvidence> {
        let routed = input
            .action()
            .ok()
            .and_then(|action| self.actions.get(action));
        let mut uses = self
            .always
            .iter()
            .chain(routed.into_iter().flatten())
            .peekable();
        if uses.peek().is_none() {
            return Vec::new();
        }
        let document = json::parse(input.text().as_bytes()).unwrap_or(Value::Null);
        let mut found: Vec<MissingEvidence> = Vec::new();
        for one in uses {
            for misfit in misfit::misfits(&one.schema, &one.path, &document) {
                let evidence = misfit.evidence(one.rule.clone());
                let same = |known: &MissingEvidence| {
                    (&known.path, &known.saw, &known.file, known.line)
                        == (&evidence.path, &evidence.saw, &evidence.file, evidence.line)
                };
                if !found.iter().any(same) {
                    found.push(evidence);
                }
                if found.len() == MOST_NAMED {
                    return found;
                }
            }
        }
        found
    }

    /// What is missing of a request with no action: which schema is for it is not known. `saw` is what there is instead.
    pub(crate) fn unrouted(&self, saw: &'static str) -> Option<MissingEvidence> {
        let first = self.actions.iter().min_by_key(|(action, _)| *action);
        let (_, uses) = first?;
        let one = uses.first()?;
        Some(MissingEvidence {
            path: "input.action".to_owned(),
            saw: saw.to_owned(),
            rule: one.rule.clone(),
            file: one.schema.file.clone(),
            line: one.schema.line,
        })
    }

    /// Whether the file of this name is for the action of its name alone.
    pub(crate) fn is_by_name(&self, name: &str) -> bool {
        self.by_name.contains(name)
    }

    /// The schemas that requests with this action must fit.
    pub(crate) fn of_action(&self, action: &str) -> Vec<Enforced<'_>> {
        let routed = self.actions.get(action).into_iter().flatten();
        let uses = self.always.iter().chain(routed);
        uses.map(|one| Enforced {
            path: &one.path,
            value: &one.schema.value,
            file: &one.schema.file,
        })
        .collect()
    }
}

/// Schemas on their way into a set.
#[derive(Default)]
struct Loading<'a> {
    named: BTreeMap<&'a str, Arc<Schema>>,
    /// By name, the parts of the input that annotations bind a schema to; none for one that is for data.
    bound: BTreeMap<String, BTreeSet<Vec<String>>>,
    schemas: Schemas,
    mistakes: Vec<Diagnostic>,
}

impl Loading<'_> {
    fn annotated(&mut self, annotations: &[Annotation], data: &Value) {
        for annotation in annotations {
            let schema = match &annotation.entry.schema {
                SchemaSource::Inline(value) => {
                    compile::inline(value, &annotation.place).map(Arc::new)
                }
                SchemaSource::Named(name) => self.find(name, annotation),
            };
            let schema = match schema {
                Ok(schema) => schema,
                Err(mistake) => {
                    self.mistakes.push(*mistake);
                    continue;
                }
            };
            let Some((root, path)) = annotation.entry.path.split_first() else {
                continue;
            };
            let is_input = root == "input";
            if let SchemaSource::Named(name) = &annotation.entry.schema {
                let bound = self.bound.entry(name.clone()).or_default();
                bound.extend(is_input.then(|| path.to_vec()));
            }
            if !is_input {
                self.data(&schema, path, data);
                continue;
            }
            self.check_root(&schema, path);
            for body in &annotation.bodies {
                self.add(body.actions.as_ref(), &schema, path, &body.id);
            }
        }
    }

    /// A file is for the action of its name, whoever else refers to it: where annotations say, else for the whole input.
    fn by_name(&mut self) {
        for (name, schema) in std::mem::take(&mut self.named) {
            let paths = self.bound.remove(name).unwrap_or_else(|| {
                self.schemas.by_name.insert(name.to_owned());
                BTreeSet::from([Vec::new()])
            });
            for path in paths {
                self.check_root(&schema, &path);
                let action = BTreeSet::from([name.to_owned()]);
                let file = schema.file.clone();
                self.add(Some(&action), &schema, &path, &file);
            }
        }
    }

    fn find(&self, name: &str, annotation: &Annotation) -> Result<Arc<Schema>, Box<Diagnostic>> {
        self.named.get(name).cloned().ok_or_else(|| {
            let near = crate::diagnostic::did_you_mean(name, self.named.keys().copied());
            let help = near.map_or_else(
                || "a schema is a file in the folder `schemas` of the policy directory".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            Diagnostic::error("P133", format!("there is no schema `schemas/{name}.json`"))
                .at(annotation.place.clone())
                .help(help)
                .into()
        })
    }

    fn add(
        &mut self,
        actions: Option<&BTreeSet<String>>,
        schema: &Arc<Schema>,
        path: &[String],
        rule: &str,
    ) {
        let one = Use {
            schema: Arc::clone(schema),
            path: path.to_vec(),
            rule: rule.to_owned(),
        };
        match actions {
            None => self.schemas.always.push(one),
            Some(actions) => {
                for action in actions {
                    let uses = self.schemas.actions.entry(action.clone()).or_default();
                    uses.push(one.clone());
                }
            }
        }
    }

    /// Data is known when the set is loaded, so it is held against its schema then.
    fn data(&mut self, schema: &Schema, path: &[String], data: &Value) {
        for misfit in misfit::misfits(schema, path, data)
            .into_iter()
            .take(MOST_NAMED)
        {
            let shown = misfit.path.replacen("input", "data", 1);
            self.mistakes.push(
                Diagnostic::error("P135", format!("`{shown}` is {}", misfit.saw))
                    .at(schema.place(&misfit.pointer))
                    .help("correct the data file, or the schema"),
            );
        }
    }

    /// A schema of the whole input that speaks of names the input does not have means something below it: it would
    /// enforce nothing.
    fn check_root(&mut self, schema: &Schema, path: &[String]) {
        if !path.is_empty() {
            return;
        }
        let known = input::schema();
        let is_known = |name: &str| {
            known
                .pointer("/properties")
                .is_some_and(|all| all.get(name).is_some())
        };
        let listed = schema.value.get("properties").and_then(Value::as_object);
        let required = schema.value.get("required").and_then(Value::as_array);
        let listed = listed
            .into_iter()
            .flatten()
            .map(|(name, _)| ("properties", name.as_str()));
        let required = required.into_iter().flatten().filter_map(Value::as_str);
        let stranger = listed
            .chain(required.map(|name| ("required", name)))
            .find(|(_, name)| !is_known(name));
        if let Some((keyword, name)) = stranger {
            let step = name.replace('~', "~0").replace('/', "~1");
            let pointer = if keyword == "properties" {
                format!("/properties/{step}")
            } else {
                "/required".to_owned()
            };
            let mistake = Diagnostic::error("P134", format!("`input` has no `{name}`"))
                .at(schema.place(&pointer))
                .help(
                    "the schema is for the whole input: what the agent sends is under `properties`, `context`, `properties`; \
                     or bind the schema to `input.context` with METADATA",
                );
            if !self.mistakes.contains(&mistake) {
                self.mistakes.push(mistake);
            }
        }
    }
}

#[cfg(test)]
mod tests;
