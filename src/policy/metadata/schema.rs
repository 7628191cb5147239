//! OPA's `schemas` annotation.

use serde_json::Value;

use super::{SchemaSource, SchemaUse};

/// Reads the value of `schemas`: a list of `path: schema`.
pub(super) fn uses(value: &Value) -> Result<Vec<SchemaUse>, String> {
    let Value::Array(entries) = value else {
        return Err("the `schemas` of this METADATA is not a list".to_owned());
    };
    let mut uses = Vec::new();
    for entry in entries {
        let Value::Object(entry) = entry else {
            return Err("an entry of `schemas` is not a path and a schema".to_owned());
        };
        for (path, schema) in entry {
            uses.push(SchemaUse {
                path: steps(path)
                    .filter(|steps| matches!(steps.first().map(String::as_str), Some("input" | "data")))
                    .ok_or_else(|| {
                        format!("`{path}` is not a path that a schema can be for; it starts with `input` or `data`")
                    })?,
                schema: source(schema)?,
            });
        }
    }
    Ok(uses)
}

fn source(value: &Value) -> Result<SchemaSource, String> {
    match value {
        Value::Object(_) | Value::Bool(_) => Ok(SchemaSource::Inline(value.clone())),
        Value::String(written) => {
            let steps = steps(written).unwrap_or_default();
            match steps.split_first() {
                Some((root, name)) if root == "schema" && !name.is_empty() => {
                    Ok(SchemaSource::Named(name.join("/")))
                }
                Some(_) | None => Err(format!(
                    "`{written}` is not a schema; write `schema.refund` or `schema[\"stripe.refund\"]`"
                )),
            }
        }
        Value::Null | Value::Number(_) | Value::Array(_) => {
            Err(format!("`{value}` is not a schema"))
        }
    }
}

/// The steps of a reference with names alone: `input.context["a b"]`.
fn steps(written: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = written.trim();
    loop {
        if let Some(index) = rest.strip_prefix("[\"") {
            let (name, after) = index.split_once("\"]")?;
            steps.push(name.to_owned());
            rest = after;
        } else {
            let name = match (steps.is_empty(), rest.strip_prefix('.')) {
                (true, _) => rest,
                (false, name) => name?,
            };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (step, after) = name.split_at(end);
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            if step.is_empty() || !step.chars().all(is_word) {
                return None;
            }
            steps.push(step.to_owned());
            rest = after;
        }
        if rest.is_empty() {
            return Some(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_named_as_opa_names_them() {
        let uses = uses(&json!([
            {"input": "schema.refund"},
            {"input.context": "schema[\"stripe.refund\"]"},
            {"input.context[\"a b\"].c": "schema.shared.money"},
            {"data.limits": {"type": "object"}},
        ]))
        .unwrap();
        let paths: Vec<String> = uses.iter().map(|one| one.path.join("/")).collect();
        assert_eq!(
            paths,
            [
                "input",
                "input/context",
                "input/context/a b/c",
                "data/limits"
            ]
        );
        let names: Vec<_> = uses
            .iter()
            .map(|one| match &one.schema {
                SchemaSource::Named(name) => name.as_str(),
                SchemaSource::Inline(_) => "inline",
            })
            .collect();
        assert_eq!(names, ["refund", "stripe.refund", "shared/money", "inline"]);
    }

    #[test]
    fn what_names_no_schema_or_no_document_is_refused() {
        for wrong in [
            json!("schema.refund"),
            json!(["schema.refund"]),
            json!([{"input": "refund"}]),
            json!([{"input": "schema"}]),
            json!([{"input": "schema."}]),
            json!([{"input": 5}]),
            json!([{"inputs": "schema.refund"}]),
            json!([{"input..x": "schema.refund"}]),
            json!([{"input[x]": "schema.refund"}]),
        ] {
            assert!(uses(&wrong).is_err(), "{wrong}");
        }
    }
}
