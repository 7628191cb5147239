//! What a JSON Schema says of one path, as far as that can be told without a document.

use serde_json::Value;

use crate::policy::schemas::resolve;

/// What there can be at a path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape<'a> {
    /// Anything, or it cannot be told.
    Open,
    /// What fits all of these.
    Listed(Vec<&'a Value>),
    /// The object above has a list of fields, and this is not one of them.
    Unlisted {
        /// How many steps lead to that object.
        depth: usize,
        /// The fields that it has.
        fields: Vec<&'a str>,
        /// Whether others are refused.
        is_closed: bool,
    },
}

/// What `schema` says of the part of a document at `path`.
pub(crate) fn at<'a>(schema: &'a Value, path: &[impl AsRef<str>]) -> Shape<'a> {
    let mut here = views(schema, &[schema]);
    for (depth, step) in path.iter().enumerate() {
        let name = step.as_ref();
        let below: Vec<&Value> = here
            .iter()
            .filter_map(|view| view.get("properties")?.get(name))
            .collect();
        if !below.is_empty() {
            here = views(schema, &below);
            continue;
        }
        if here
            .iter()
            .any(|view| view.get("patternProperties").is_some())
        {
            return Shape::Open;
        }
        let others = |view: &&&Value| {
            view.get("additionalProperties")
                .is_some_and(Value::is_object)
        };
        if here.iter().any(|view| others(&view)) {
            return Shape::Open;
        }
        let is_closed = here.iter().any(|view| {
            view.get("additionalProperties") == Some(&Value::Bool(false))
                || view.get("unevaluatedProperties") == Some(&Value::Bool(false))
        });
        let has_choices = here.iter().any(|view| {
            ["anyOf", "oneOf", "if", "dependentSchemas", "dependencies"]
                .iter()
                .any(|keyword| view.get(keyword).is_some())
        });
        let fields: Vec<&str> = here
            .iter()
            .filter_map(|view| view.get("properties")?.as_object())
            .flat_map(|fields| fields.keys().map(String::as_str))
            .collect();
        if fields.is_empty() || has_choices {
            return Shape::Open;
        }
        return Shape::Unlisted {
            depth,
            fields,
            is_closed,
        };
    }
    Shape::Listed(here)
}

/// These schemas and all that hold with them: what they refer to, and what `allOf` adds.
fn views<'a>(root: &'a Value, schemas: &[&'a Value]) -> Vec<&'a Value> {
    let mut views: Vec<&Value> = Vec::new();
    let mut open: Vec<&Value> = schemas.to_vec();
    while let Some(schema) = open.pop() {
        if views.iter().any(|known| std::ptr::eq(*known, schema)) {
            continue;
        }
        views.push(schema);
        let reference = schema.get("$ref").and_then(Value::as_str);
        open.extend(reference.and_then(|reference| resolve(root, reference)));
        open.extend(
            schema
                .get("allOf")
                .and_then(Value::as_array)
                .into_iter()
                .flatten(),
        );
    }
    views
}

/// What a literal of a policy is compared with, where the schema excludes it: `numbers alone`, `one of "a", "b"`.
pub(crate) fn excludes(shape: &Shape<'_>, literal: &Value) -> Option<String> {
    let Shape::Listed(views) = shape else {
        return None;
    };
    views.iter().find_map(|view| {
        let listed = view.get("enum").and_then(Value::as_array);
        let exactly = view.get("const").map(std::slice::from_ref);
        if let Some(values) = listed.map(Vec::as_slice).or(exactly)
            && !values.contains(literal)
            && (values.iter().all(|value| kind(value) != kind(literal)) || literal.is_string())
        {
            let values: Vec<String> = values.iter().take(5).map(Value::to_string).collect();
            return Some(format!("one of {}", values.join(", ")));
        }
        let types = match view.get("type")? {
            Value::String(name) => vec![name.as_str()],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
        };
        let fits = types
            .iter()
            .any(|name| *name == kind(literal) || (*name == "integer" && literal.is_number()));
        (!fits).then(|| format!("of type {}", types.join(" or ")))
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_followed_through_references_and_all_of() {
        let schema = json!({
            "allOf": [{"properties": {"a": {"$ref": "#/$defs/m"}}}],
            "properties": {"b": {"properties": {"c": {}}, "additionalProperties": false}, "d": {"anyOf": [], "properties": {"x": {}}}},
            "$defs": {"m": {"type": "number"}},
        });
        assert!(matches!(at(&schema, &["a"]), Shape::Listed(_)));
        assert!(excludes(&at(&schema, &["a"]), &json!("5")).is_some());
        assert!(excludes(&at(&schema, &["a"]), &json!(5)).is_none());
        let Shape::Unlisted {
            fields, is_closed, ..
        } = at(&schema, &["z"])
        else {
            panic!("it is not listed");
        };
        assert_eq!((fields.len(), is_closed), (3, false));
        assert!(matches!(
            at(&schema, &["b", "z", "y"]),
            Shape::Unlisted {
                is_closed: true,
                depth: 1,
                ..
            }
        ));
        assert_eq!(at(&schema, &["d", "y"]), Shape::Open);
        assert_eq!(at(&schema, &["a", "y"]), Shape::Open);
    }

    #[test]
    fn an_enumeration_excludes_other_texts() {
        let schema = json!({"enum": ["USD", "EUR"]});
        let here = at(&schema, &[] as &[&str]);
        assert_eq!(
            excludes(&here, &json!("usd")).unwrap(),
            "one of \"USD\", \"EUR\""
        );
        assert_eq!(excludes(&here, &json!("EUR")), None);
        assert!(excludes(&here, &json!(5)).is_some());
    }
}
