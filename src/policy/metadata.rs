//! What authors say of their rules: the `# METADATA` blocks of a policy file, which Rego's own parser drops.
//!
//! A block is a comment line `# METADATA`, the comment lines under it as YAML, each from the first column, and directly
//! below them the `package` or the rule they speak of. Titles are shown to people; of all that is said here, `schemas` alone
//! has a part in decisions: it turns approvals into questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Place};

use super::folder::RegoFile;
use super::yaml;

mod schema;

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// A few words: what the rationale calls the rule.
    pub title: Option<String>,
    /// A sentence or more.
    pub description: Option<String>,
    /// Whatever the author's own organisation keeps there; an object.
    pub custom: Value,
    /// `custom.monotone`: the input paths, `input.context.amount`, of which more is never to be more welcome. `probe` holds
    /// the rules to it.
    pub monotone: Vec<String>,
    /// The schemas that documents must fit, each with its path.
    pub schemas: Vec<SchemaUse>,
    /// Whether it speaks of more than the rule or package below it: of all rules of that name, or of the packages below.
    pub is_wide: bool,
    /// Line of `# METADATA`, from 1.
    pub line: u32,
}

/// One entry of `schemas`: `- input.context: schema.refund`.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaUse {
    /// The document it is for: `["input", "context"]`.
    pub path: Vec<String>,
    /// The schema.
    pub schema: SchemaSource,
}

/// A schema as METADATA gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaSource {
    /// A file: `schema["stripe.refund"]` is `schemas/stripe.refund.json`.
    Named(String),
    /// Written out.
    Inline(Value),
}

/// All blocks of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileMetadata {
    /// What is said of the package.
    pub package: Option<Metadata>,
    /// What is said of a rule, by the line of the head that follows the block, from 1.
    pub rules: BTreeMap<u32, Metadata>,
    /// Lines of the blocks with nothing directly below them, which speak of nothing.
    pub detached: Vec<u32>,
}

/// Reads the blocks of `file`; all that are malformed are told at once.
pub fn read(file: &RegoFile) -> Result<FileMetadata, Vec<Diagnostic>> {
    let lines = Lines::of(&file.text);
    let mut found = FileMetadata::default();
    let mut mistakes = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let first = at;
        at += 1;
        if !is_marker(line) {
            continue;
        }
        while lines
            .get(at)
            .is_some_and(|line| line.starts_with('#') && !is_marker(line))
        {
            at += 1;
        }
        match block(file, &lines, first, at) {
            Err(mistake) => mistakes.push(*mistake),
            Ok(metadata) => match lines.get(at) {
                Some(head) if is_package(head) => found.package = Some(metadata),
                Some(head) if !head.trim().is_empty() && !is_marker(head) => {
                    found.rules.insert(number(at), metadata);
                }
                Some(_) | None => found.detached.push(metadata.line),
            },
        }
    }
    if mistakes.is_empty() {
        Ok(found)
    } else {
        Err(mistakes)
    }
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix('#')
        .is_some_and(|words| words.trim() == "METADATA")
}

fn is_package(line: &str) -> bool {
    line.strip_prefix("package")
        .is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

/// The block whose marker is line `first` and that ends before line `end`, both from 0.
fn block(
    file: &RegoFile,
    lines: &Lines<'_>,
    first: usize,
    end: usize,
) -> Result<Metadata, Box<Diagnostic>> {
    let body: Vec<&str> = (first + 1..end)
        .map(|line| {
            lines
                .get(line)
                .and_then(|line| line.strip_prefix('#'))
                .unwrap_or_default()
        })
        .collect();
    let marked = |line: usize, length: usize, message: String| {
        let start = lines.start(line);
        Diagnostic::error("P107", message).at(Place {
            file: file.path.clone(),
            text: Arc::clone(&file.text),
            start,
            end: start + length,
        })
    };
    let whole_line = |line: usize| lines.get(line).map_or(0, |text| text.trim_end().len());
    let refused = |message: &str| marked(first, whole_line(first), message.to_owned());

    let text = body.join("\n");
    let value = yaml::parse(&text).map_err(|refused| {
        // One `#` was taken from each line, so the line in the block says the line in the file.
        let inside = refused.at.and_then(|at| text.get(..at)).map_or(0, |before| before.matches('\n').count());
        let line = (first + 1 + inside).min(end.saturating_sub(1));
        marked(line, whole_line(line), format!("this METADATA is not YAML: {}", refused.message))
            .help("every line between `# METADATA` and the rule is YAML; put other comments above the block")
    })?;
    let fields = match value {
        Value::Null => Map::new(),
        Value::Object(fields) => fields,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(refused("METADATA is not a list of keys and values")
                .help("write `# title: …` and the like under it")
                .into());
        }
    };
    let words = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(words)) => Ok(Some(words.trim())
            .filter(|words| !words.is_empty())
            .map(str::to_owned)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            let mistake = refused(&format!("the `{key}` of this METADATA is not text"));
            Err(Box::new(mistake.help("put it in quotes")))
        }
    };
    let custom = match fields.get("custom") {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(custom @ Value::Object(_)) => custom.clone(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::String(_)) => {
            return Err(refused("the `custom` of this METADATA is not an object")
                .help("write `# custom: {owner: payments-ops}`")
                .into());
        }
    };
    let monotone = monotone(&custom).ok_or_else(|| {
        refused("the `custom.monotone` of this METADATA is not a list of input paths")
            .help("write `# custom: {monotone: [input.context.amount]}`")
    })?;
    let scope = words("scope")?;
    Ok(Metadata {
        schemas: match fields.get("schemas") {
            None => Vec::new(),
            Some(schemas) => schema::uses(schemas).map_err(|message| {
                Box::new(refused(&message).help(
                    "write `# schemas:` and under it `#   - input.context: schema.refund` for `schemas/refund.json`",
                ))
            })?,
        },
        is_wide: matches!(scope.as_deref(), Some("document" | "subpackages")),
        title: words("title")?,
        description: words("description")?,
        custom,
        monotone,
        line: number(first),
    })
}

/// The paths under `monotone`; `None` where it is something else than a list of them.
fn monotone(custom: &Value) -> Option<Vec<String>> {
    let Some(declared) = custom.get("monotone") else {
        return Some(Vec::new());
    };
    let path = |value: &Value| {
        let path = value.as_str()?.strip_prefix("input.")?;
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        path.split('.')
            .all(is_name)
            .then(|| format!("input.{path}"))
    };
    declared.as_array()?.iter().map(path).collect()
}

/// A line's number as people count.
fn number(line: usize) -> u32 {
    u32::try_from(line + 1).unwrap_or(u32::MAX)
}

/// The lines of a file; those that start inside a raw string are empty, since a `#` there is no comment.
struct Lines<'a> {
    lines: Vec<(usize, &'a str)>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        let mut raw = false;
        for line in text.split_inclusive('\n') {
            lines.push((
                start,
                if raw {
                    ""
                } else {
                    line.trim_end_matches(['\n', '\r'])
                },
            ));
            raw = ends_in_raw_string(line, raw);
            start += line.len();
        }
        Self { lines }
    }

    fn get(&self, line: usize) -> Option<&'a str> {
        self.lines.get(line).map(|(_, text)| *text)
    }

    fn start(&self, line: usize) -> usize {
        self.lines.get(line).map_or(0, |(start, _)| *start)
    }
}

/// Whether the text after `line` is in a raw string, when `raw` says that of the text before it.
fn ends_in_raw_string(line: &str, raw: bool) -> bool {
    let mut raw = raw;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '`' if !quoted => raw = !raw,
            _ if raw => {}
            '\\' if quoted => {
                characters.next();
            }
            '"' => quoted = !quoted,
            '#' if !quoted => return false,
            _ => {}
        }
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Paint;

    fn file(text: &str) -> RegoFile {
        RegoFile {
            path: "p.rego".to_owned(),
            text: text.into(),
        }
    }

    #[test]
    fn titles_belong_to_the_package_and_to_the_rule_below() {
        let found = read(&file(
            "# A licence.\n\n# METADATA\n# title: Refunds\n# custom: {owner: payments-ops}\npackage p\n\n# METADATA\n# title: Small\n# description: |\n#   Two\n#   lines.\n# scope: rule\nallow if true\n",
        ))
        .unwrap();
        let package = found.package.unwrap();
        assert_eq!(
            (package.title.as_deref(), package.line),
            (Some("Refunds"), 3)
        );
        assert_eq!(package.custom["owner"], "payments-ops");
        let rule = &found.rules[&14];
        assert_eq!(rule.title.as_deref(), Some("Small"));
        assert_eq!(rule.description.as_deref(), Some("Two\nlines."));
        assert_eq!(found.rules.len(), 1);
    }

    #[test]
    fn a_block_that_is_not_directly_above_a_rule_belongs_to_none() {
        let found = read(&file(
            "package p\n\n# METADATA\n# title: Lost\n\nallow if true\n\n# METADATA\n# title: End",
        ))
        .unwrap();
        assert_eq!((found.rules.len(), found.package), (0, None));
        assert_eq!(found.detached, [3, 8]);
        let indented = read(&file(
            "package p\n  # METADATA\n  # title: [\nallow if true\n",
        ))
        .unwrap();
        assert!(indented.rules.is_empty());
    }

    #[test]
    fn a_block_in_a_raw_string_is_text() {
        let text = "package p\n\nx := `\n# METADATA\n# title: [\ny`\n\nz := \"`\"\n# METADATA\n# title: Z\nw := 1\n";
        let found = read(&file(text)).unwrap();
        assert_eq!(
            found
                .rules
                .values()
                .map(|one| one.title.as_deref())
                .collect::<Vec<_>>(),
            [Some("Z")]
        );
    }

    #[test]
    fn what_is_declared_monotone_is_a_list_of_input_paths() {
        let read = |custom: &str| {
            read(&file(&format!(
                "# METADATA\n# custom: {custom}\npackage p\n"
            )))
        };
        let found = read("{monotone: [input.context.amount, input.rows]}").unwrap();
        assert_eq!(
            found.package.unwrap().monotone,
            ["input.context.amount", "input.rows"]
        );
        for wrong in [
            "{monotone: input.context.amount}",
            "{monotone: [amount]}",
            "{monotone: [5]}",
            "{monotone: [input.]}",
        ] {
            let mistakes = read(wrong).unwrap_err();
            assert!(mistakes[0].message.contains("custom.monotone"), "{wrong}");
        }
    }

    #[test]
    fn broken_yaml_is_shown_where_it_is() {
        let mistakes = read(&file("package p\n\n# METADATA\n# title: Small\n# custom: {owner: x\nallow if true\n\n# METADATA\n# title: 5\nb := 1\n"))
            .unwrap_err();
        assert_eq!(mistakes.len(), 2);
        let shown = mistakes[0].render(Paint::Plain);
        assert!(shown.contains("--> p.rego:5:1"), "{shown}");
        assert_eq!(
            mistakes[1].message,
            "the `title` of this METADATA is not text"
        );
    }

    #[test]
    fn windows_line_ends_are_no_part_of_a_title() {
        let found = read(&file("# METADATA\r\n# title: Refunds\r\npackage p\r\n")).unwrap();
        assert_eq!(found.package.unwrap().title.as_deref(), Some("Refunds"));
    }
}
