//! METADATA comments.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::policy::folder::RegoFile;

/// What a METADATA block says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The title.
    pub title: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// `custom`, an object or null.
    pub custom: serde_json::Value,
    /// Line of the block, from 1.
    pub line: u32,
}

/// The blocks of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileMetadata {
    /// The package's.
    pub package: Option<Metadata>,
    /// Each rule's, by the line of the head that follows the block.
    pub rules: BTreeMap<u32, Metadata>,
}

/// METADATA blocks of a file: for the package and for each rule, keyed by the line of the head that follows the block.
pub fn read(file: &RegoFile) -> Result<FileMetadata, Vec<Diagnostic>> {
    let mut found = FileMetadata::default();
    let mut block: Option<(u32, String)> = None;
    for (line, number) in file.text.lines().zip(1_u32..) {
        if let Some(comment) = line.strip_prefix('#') {
            if comment.trim() == "METADATA" {
                block = Some((number, String::new()));
            } else if let Some((_, text)) = &mut block {
                text.push_str(comment.strip_prefix(' ').unwrap_or(comment));
                text.push('\n');
            }
            continue;
        }
        let Some((at, text)) = block.take() else {
            continue;
        };
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap_or_default();
        let word = |key: &str| value.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let metadata = Metadata {
            title: word("title"),
            description: word("description"),
            custom: value.get("custom").cloned().unwrap_or_default(),
            line: at,
        };
        if line.starts_with("package") {
            found.package = Some(metadata);
        } else {
            found.rules.insert(number, metadata);
        }
    }
    Ok(found)
}
