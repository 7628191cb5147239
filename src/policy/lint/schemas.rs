//! Schemas that look as if they enforced something and do not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::policy::engine::bodies::Route;
use crate::policy::folder::SchemaFile;
use crate::policy::schemas::{locate, parts};
use crate::policy::set::PolicySet;
use crate::policy::yaml;

/// The keywords of the dialects that are read.
const KEYWORDS: &str = "$schema $id $ref $anchor $dynamicAnchor $vocabulary $comment $defs definitions title description default \
     examples deprecated readOnly writeOnly type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum \
     maxLength minLength pattern maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required \
     dependentRequired dependentSchemas dependencies properties patternProperties additionalProperties unevaluatedProperties \
     propertyNames items prefixItems additionalItems unevaluatedItems contains allOf anyOf oneOf not if then else format \
     contentEncoding contentMediaType contentSchema";

/// The formats that are checked.
const FORMATS: &str = "date-time date time duration email hostname ipv4 ipv6 uri uri-reference iri \
     iri-reference uri-template uuid json-pointer relative-json-pointer regex";

pub(super) fn lint(set: &PolicySet) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for file in &set.files().schemas {
        if let Ok(schema) = yaml::parse_json(&file.text) {
            words(file, &schema, "", &mut found);
        }
    }
    found.extend(without_rules(set));
    found
}

fn place(file: &SchemaFile, pointer: &str) -> Place {
    let (start, end) = locate(&file.text, pointer).unwrap_or_default();
    Place {
        file: file.path.clone(),
        text: file.text.clone(),
        start,
        end,
    }
}

/// Keywords and formats that mean nothing: JSON Schema takes any word, a misspelt one too.
fn words(file: &SchemaFile, schema: &Value, pointer: &str, found: &mut Vec<Diagnostic>) {
    let Value::Object(fields) = schema else {
        return;
    };
    for (key, value) in fields {
        let known = || KEYWORDS.split_whitespace();
        if !known().any(|word| word == key) && !key.starts_with("x-") {
            let help = did_you_mean(key, known()).map_or_else(
                || "leave it out; a note of your own starts with `x-`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let step = key.replace('~', "~0").replace('/', "~1");
            found.push(
                Diagnostic::warning("CS013", format!("`{key}` means nothing in a JSON Schema"))
                    .at(place(file, &format!("{pointer}/{step}")))
                    .help(help),
            );
        }
        let formats = || FORMATS.split_whitespace();
        if let Some(format) = value.as_str().filter(|_| key == "format")
            && !formats().any(|word| word == format)
        {
            let help = did_you_mean(format, formats()).map_or_else(
                || "say it with `pattern`, or leave it out".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            found.push(
                Diagnostic::warning("CS013", format!("nothing checks the format `{format}`"))
                    .at(place(file, &format!("{pointer}/format")))
                    .help(help),
            );
        }
    }
    for (step, part) in parts(schema) {
        words(file, part, &format!("{pointer}{step}"), found);
    }
    for keyword in ["$defs", "definitions"] {
        for (name, part) in fields
            .get(keyword)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let step = name.replace('~', "~0").replace('/', "~1");
            words(file, part, &format!("{pointer}/{keyword}/{step}"), found);
        }
    }
}

/// Schemas for actions that no rule is for. Where a rule is for every action, only a name that is nearly another's is told.
fn without_rules(set: &PolicySet) -> Vec<Diagnostic> {
    let mut actions: BTreeSet<&str> = BTreeSet::new();
    let mut is_any = false;
    for body in &set.policies.bodies {
        match &body.route {
            Route::Always => is_any = true,
            Route::Actions(names) => actions.extend(names.iter().map(String::as_str)),
        }
    }
    let mut found = Vec::new();
    for file in &set.files().schemas {
        let name = file.name();
        if actions.contains(name) || !set.schemas.is_by_name(name) {
            continue;
        }
        let near = did_you_mean(name, actions.iter().copied());
        if is_any && near.is_none() {
            continue;
        }
        let help = near.map_or_else(
            || "a schema's file has the name of the action that it is for".to_owned(),
            |near| format!("did you mean `schemas/{near}.json`?"),
        );
        found.push(
            Diagnostic::warning("CS012", format!("no rule is for the action `{name}`"))
                .at(place(file, ""))
                .help(help),
        );
    }
    found
}
