//! From a schema's text to what validates, with a frame for what is wrong.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use super::locate::locate;
use super::weight;
use crate::diagnostic::{Diagnostic, Place};
use crate::policy::folder::SchemaFile;
use crate::policy::yaml;

/// The dialects that are read, by the end of their names.
const DIALECTS: [(&str, Draft); 2] = [
    ("json-schema.org/draft/2020-12/schema", Draft::Draft202012),
    ("json-schema.org/draft-07/schema", Draft::Draft7),
];

/// A schema that can validate.
pub(super) struct Schema {
    pub(super) validator: Validator,
    pub(super) value: Value,
    /// The file it is in, relative to the policy directory.
    pub(super) file: String,
    /// The line it begins at, from 1.
    pub(super) line: u32,
    place: Place,
    /// Whether the place is the schema's own text, in which its parts can be found.
    is_text: bool,
}

impl Schema {
    /// Where the part of the schema that a JSON pointer names is written.
    pub(super) fn place(&self, pointer: &str) -> Place {
        if self.is_text {
            place_in(&self.place.file, &self.place.text, pointer)
        } else {
            self.place.clone()
        }
    }
}

fn place_in(file: &str, text: &Arc<str>, pointer: &str) -> Place {
    // A pointer may end below a keyword's value that is itself a literal: the nearest part above is shown then.
    let mut pointer = pointer;
    let (start, end) = loop {
        match (locate(text, pointer), pointer.rsplit_once('/')) {
            (Some(found), _) => break found,
            (None, Some((above, _))) => pointer = above,
            (None, None) => break (0, 0),
        }
    };
    Place {
        file: file.to_owned(),
        text: Arc::clone(text),
        start,
        end,
    }
}

/// The schema in a file.
pub(super) fn file(file: &SchemaFile) -> Result<Schema, Box<Diagnostic>> {
    let value = yaml::parse_json(&file.text).map_err(|refused| {
        let start = refused.at.unwrap_or_default();
        let place = Place {
            file: file.path.clone(),
            text: Arc::clone(&file.text),
            start,
            end: start + 1,
        };
        let message = format!(
            "`{}` is not JSON that can be used: {}",
            file.path, refused.message
        );
        Diagnostic::error("P131", message).at(place)
    })?;
    let place = place_in(&file.path, &file.text, "");
    compile(value, place, |pointer| {
        place_in(&file.path, &file.text, pointer)
    })
    .map(|schema| Schema {
        is_text: true,
        ..schema
    })
}

/// A schema that METADATA at `place` writes out.
pub(super) fn inline(value: &Value, place: &Place) -> Result<Schema, Box<Diagnostic>> {
    compile(value.clone(), place.clone(), |_| place.clone())
}

fn compile(
    value: Value,
    place: Place,
    at: impl Fn(&str) -> Place,
) -> Result<Schema, Box<Diagnostic>> {
    let refused = |code: &'static str, message: String, pointer: &str| {
        Diagnostic::error(code, message).at(at(pointer))
    };
    if !value.is_object() && !value.is_boolean() {
        let message = format!("`{}` is no schema: it is not an object", place.file);
        return Err(refused("P131", message, "").into());
    }
    let draft = match value.get("$schema") {
        None => Draft::Draft202012,
        Some(name) => dialect(name).ok_or_else(|| {
            refused("P131", format!("the dialect {name} is not read"), "/$schema").help(
                "write `https://json-schema.org/draft/2020-12/schema` or `http://json-schema.org/draft-07/schema#`",
            )
        })?,
    };
    weight::check(&value).map_err(|unbounded| {
        refused("P132", unbounded.message, &unbounded.pointer).help(unbounded.help)
    })?;
    let validator = jsonschema::options()
        .with_draft(draft)
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .build(&value)
        .map_err(|error| {
            let keyword = error.instance_path().as_str();
            refused("P131", format!("this is not JSON Schema: {error}"), keyword)
                .help("patterns are those of Rego: they have no look-around and no back-references")
        });
    let validator = validator.map_err(|mistake| {
        let is_pattern = mistake.message.contains("\"regex\"");
        Box::new(Diagnostic {
            help: mistake.help.filter(|_| is_pattern),
            ..mistake
        })
    })?;
    let (line, _) = place.line_and_column();
    Ok(Schema {
        validator,
        value,
        file: place.file.clone(),
        line,
        place,
        is_text: false,
    })
}

fn dialect(name: &Value) -> Option<Draft> {
    let name = name.as_str()?.trim_end_matches('#');
    let bare = name
        .strip_prefix("https://")
        .or_else(|| name.strip_prefix("http://"))?;
    let known = DIALECTS.iter().find(|(dialect, _)| *dialect == bare);
    known.map(|(_, draft)| *draft)
}
