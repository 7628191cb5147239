//! How much work a schema is.
//!
//! What must hold: validating takes no more steps than the size of the input times [`MOST`]. A schema that refers to itself,
//! or to others twice over and over, has no such bound, and is refused.

use std::collections::HashMap;

use serde_json::Value;

/// Most subschemas of a schema, each counted as often as it is reached.
const MOST: u64 = 10_000;

/// Deepest nesting, through references.
const DEEPEST: usize = 100;

/// Keywords whose value is a schema, or, for some, a list of schemas.
const ONE: [&str; 12] = [
    "not",
    "if",
    "then",
    "else",
    "items",
    "additionalItems",
    "unevaluatedItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "contentSchema",
];
/// Keywords whose value is a list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords whose value is an object of schemas.
const MAP: [&str; 4] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "dependencies",
];

/// Why a schema is refused: where in it, by JSON pointer, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unbounded {
    pub(super) pointer: String,
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// Refuses what would take long, or would have to be fetched.
pub(super) fn check(schema: &Value) -> Result<(), Unbounded> {
    let mut scale = Scale {
        root: schema,
        open: Vec::new(),
        known: HashMap::new(),
    };
    let weight = scale.weigh(schema, "")?;
    if weight > MOST {
        return Err(Unbounded {
            pointer: String::new(),
            message: format!(
                "the schema has more than {MOST} parts, each counted as often as it is reached"
            ),
            help: "refer to a definition from fewer places, or say less",
        });
    }
    Ok(())
}

/// The subschemas directly inside a schema, each with its pointer from there; those that `$ref` names are apart.
pub(crate) fn parts(schema: &Value) -> Vec<(String, &Value)> {
    let mut parts = Vec::new();
    let Value::Object(fields) = schema else {
        return parts;
    };
    for (key, value) in fields {
        let is = |names: &[&str]| names.contains(&key.as_str());
        match value {
            Value::Object(_) | Value::Bool(_) if is(&ONE) => parts.push((format!("/{key}"), value)),
            Value::Object(inside) if is(&MAP) => {
                for (name, part) in inside.iter().filter(|(_, part)| !part.is_array()) {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    parts.push((format!("/{key}/{step}"), part));
                }
            }
            Value::Array(items) if is(&LIST) => {
                for (index, part) in items.iter().enumerate() {
                    parts.push((format!("/{key}/{index}"), part));
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {}
        }
    }
    parts
}

/// What a `$ref` names in the schema that it is in.
pub(crate) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(fragment);
    }
    anchored(root, fragment)
}

fn anchored<'a>(at: &'a Value, name: &str) -> Option<&'a Value> {
    match at {
        Value::Object(fields) => {
            if fields.get("$anchor").and_then(Value::as_str) == Some(name) {
                return Some(at);
            }
            fields.values().find_map(|part| anchored(part, name))
        }
        Value::Array(items) => items.iter().find_map(|part| anchored(part, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

struct Scale<'a> {
    root: &'a Value,
    /// The schemas that the one that is weighed is in or is referred to from.
    open: Vec<*const Value>,
    known: HashMap<*const Value, u64>,
}

impl<'a> Scale<'a> {
    fn weigh(&mut self, schema: &'a Value, pointer: &str) -> Result<u64, Unbounded> {
        let Value::Object(fields) = schema else {
            return Ok(1);
        };
        let refused = |keyword: &str, message: String, help: &'static str| Unbounded {
            pointer: format!("{pointer}/{keyword}"),
            message,
            help,
        };
        let this = std::ptr::from_ref(schema);
        if let Some(&weight) = self.known.get(&this) {
            return Ok(weight);
        }
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            if fields.contains_key(keyword) {
                return Err(refused(
                    keyword,
                    format!("`{keyword}` is not supported"),
                    "use `$ref`",
                ));
            }
        }
        if !pointer.is_empty() && fields.get("$id").is_some_and(Value::is_string) {
            return Err(refused(
                "$id",
                "an `$id` inside of a schema is not supported".to_owned(),
                "name it with `$anchor`, or refer to it by its place: `#/$defs/money`",
            ));
        }
        if self.open.len() == DEEPEST {
            return Err(Unbounded {
                pointer: pointer.to_owned(),
                message: format!(
                    "the schema is more than {DEEPEST} levels deep, what it refers to included"
                ),
                help: "write it with fewer levels",
            });
        }
        self.open.push(this);
        let mut weight: u64 = 1;
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            if !reference.starts_with('#') {
                return Err(refused(
                    "$ref",
                    format!("`{reference}` is outside of this file"),
                    "nothing is fetched: put the definition under `$defs` and refer to it as `#/$defs/…`",
                ));
            }
            let target = resolve(self.root, reference).ok_or_else(|| {
                refused(
                    "$ref",
                    format!("there is no `{reference}` in this schema"),
                    "definitions are under `$defs`: `#/$defs/money`",
                )
            })?;
            if self.open.contains(&std::ptr::from_ref(target)) {
                return Err(refused(
                    "$ref",
                    format!("`{reference}` leads back to where it is written"),
                    "write out the levels that there are: a schema that contains itself can take any time to validate",
                ));
            }
            // The pointer is that of the reference: what is wrong behind it is found there too.
            weight = weight.saturating_add(self.weigh(target, reference.trim_start_matches('#'))?);
        }
        for (step, part) in parts(schema) {
            weight = weight.saturating_add(self.weigh(part, &format!("{pointer}{step}"))?);
        }
        self.open.pop();
        self.known.insert(this, weight);
        Ok(weight)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_of_definitions_is_taken() {
        let schema = json!({
            "$id": "https://example.com/refund",
            "properties": {
                "a": {"$ref": "#/$defs/money"}, "b": {"$ref": "#money"}, "$ref": {"type": "string"},
            },
            "$defs": {"money": {"$anchor": "money", "type": "number"}, "unused": {"$ref": "#/nowhere"}},
            "enum": [{"$ref": "https://example.com"}],
        });
        assert_eq!(check(&schema), Ok(()));
        assert_eq!(check(&json!(true)), Ok(()));
    }

    #[test]
    fn what_has_no_bound_or_is_elsewhere_is_refused_where_it_stands() {
        let mut bomb = json!({"$ref": "#/$defs/0", "$defs": {"40": {}}});
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/{}", level + 1)});
            bomb["$defs"][level.to_string()] = json!({"allOf": [next, next]});
        }
        let mut chain = json!({"$ref": "#/$defs/0", "$defs": {"200": {}}});
        for level in 0..200 {
            chain["$defs"][level.to_string()] = json!({"$ref": format!("#/$defs/{}", level + 1)});
        }
        for (schema, pointer) in [
            (chain, "/$defs/99"),
            (json!({"$ref": "#"}), "/$ref"),
            (
                json!({"properties": {"a/b": {"items": {"$ref": "#"}}}}),
                "/properties/a~1b/items/$ref",
            ),
            (
                json!({"anyOf": [{}, {"$ref": "https://example.com/x"}]}),
                "/anyOf/1/$ref",
            ),
            (json!({"$ref": "other.json#/x"}), "/$ref"),
            (
                json!({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}),
                "/$defs/a/not/$ref",
            ),
            (json!({"$ref": "#/nowhere"}), "/$ref"),
            (
                json!({"items": {"$dynamicRef": "#x"}}),
                "/items/$dynamicRef",
            ),
            (json!({"items": {"$id": "x"}}), "/items/$id"),
            (bomb, ""),
        ] {
            assert_eq!(check(&schema).unwrap_err().pointer, pointer, "{schema}");
        }
    }
}
