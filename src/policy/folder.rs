//! A policy directory, read as OPA reads one: packages in `*.rego` files, `data.json`, `data.yaml` and `data.yml` merged
//! at their folder's path, JSON Schemas in `schemas/*.json`.
//!
//! What must hold: the same files give the same [`PolicyFiles`] and the same revision, wherever they lie and however
//! they are linked; a file that cannot be read stops the whole load; nothing outside is guessed at.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, Place};
use crate::domain::id::Revision;

use super::yaml;

mod walk;

/// The files of one policy directory, each list in the order of its paths.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFiles {
    /// The packages.
    pub rego: Vec<RegoFile>,
    /// All data files merged, an object.
    pub data: Value,
    /// The data files as they were read.
    pub data_files: Vec<DataFile>,
    /// The JSON Schemas.
    pub schemas: Vec<SchemaFile>,
}

/// One `*.rego` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegoFile {
    /// Relative to the policy directory, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: Arc<str>,
}

/// One `data.json`, `data.yaml` or `data.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Relative to the policy directory, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: Arc<str>,
}

/// One `*.json` under `schemas/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFile {
    /// Relative to the policy directory, with `/`.
    pub path: String,
    /// Everything in it.
    pub text: Arc<str>,
}

impl SchemaFile {
    /// What METADATA calls it, and the action that it is for: its path below `schemas/` without `.json`.
    pub fn name(&self) -> &str {
        let below = self.path.strip_prefix(SCHEMAS).unwrap_or(&self.path);
        below.strip_suffix(".json").unwrap_or(below)
    }
}

/// Why a stored set could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum StoredSetError {
    /// The text is not what [`PolicyFiles::to_stored`] writes.
    #[error("the stored policy set is not readable")]
    Malformed(#[from] serde_json::Error),
    /// The text is, but its files no longer make a set.
    #[error("the stored policy set does not load: {0}")]
    Refused(String),
}

/// The stored form. INVARIANT: read for as long as decisions that name a set are kept; fields are added, never renamed.
#[derive(serde::Serialize, serde::Deserialize)]
struct Stored {
    version: u8,
    files: BTreeMap<String, Arc<str>>,
}

impl PolicyFiles {
    /// Reads `directory` and everything in it that is policy. All mistakes come at once.
    pub fn read(directory: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::of(walk::read(directory)?)
    }

    /// The set of these files, as `(path, text)`; paths that are no policy are left out.
    pub fn of(
        files: impl IntoIterator<Item = (impl Into<String>, impl Into<Arc<str>>)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let sorted: BTreeMap<String, Arc<str>> = files
            .into_iter()
            .map(|(path, text)| (path.into(), text.into()))
            .collect();
        let mut rego = Vec::new();
        let mut data_files = Vec::new();
        let mut schemas = Vec::new();
        for (path, text) in sorted {
            match Kind::of(&path) {
                Some(Kind::Rego) => rego.push(RegoFile { path, text }),
                Some(Kind::Data) => data_files.push(DataFile { path, text }),
                Some(Kind::Schema) => schemas.push(SchemaFile { path, text }),
                None => {}
            }
        }
        let data = merge(&data_files)?;
        Ok(Self {
            rego,
            data,
            data_files,
            schemas,
        })
    }

    /// The digest of `engine` and of every file's path and bytes. `engine` names what else a decision depends on: the
    /// versions of the evaluator and of the time zones. That of the schemas' validator is added where there are any.
    pub fn revision(&self, engine: &str) -> Revision {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(engine.as_bytes());
        if !self.schemas.is_empty() {
            part(super::schemas::VALIDATOR.as_bytes());
        }
        for (path, text) in self.sorted() {
            part(path.as_bytes());
            part(text.as_bytes());
        }
        Revision::of(hash.finalize().into())
    }

    /// One JSON text that holds every file, for the store.
    pub fn to_stored(&self) -> String {
        let files: BTreeMap<&str, &str> = self.sorted();
        serde_json::json!({"version": 1, "files": files}).to_string()
    }

    /// Reads what [`Self::to_stored`] wrote.
    pub fn from_stored(stored: &str) -> Result<Self, StoredSetError> {
        let Stored { version, files } = serde_json::from_str(stored)?;
        if version != 1 {
            return Err(StoredSetError::Refused(format!(
                "its version is {version}, this program reads 1"
            )));
        }
        Self::of(files).map_err(|mistakes| {
            let messages: Vec<_> = mistakes
                .into_iter()
                .map(|mistake| mistake.message)
                .collect();
            StoredSetError::Refused(messages.join("; "))
        })
    }

    /// Whether there is no rule in it at all, so that every request goes to a person.
    pub fn is_empty(&self) -> bool {
        self.rego.is_empty()
    }

    /// What somebody should look at although it loads.
    pub fn warnings(&self, directory: &Path) -> Vec<Diagnostic> {
        if !self.is_empty() {
            return Vec::new();
        }
        let shown = directory.display();
        vec![
            Diagnostic::warning("P109", format!("there is no policy in `{shown}`: every request will go to a person"))
                .help("add a `.rego` file; files under `samples/` and names that start with `.` do not count"),
        ]
    }

    /// All files by path; a path is never two of them.
    fn sorted(&self) -> BTreeMap<&str, &str> {
        let rego = self.rego.iter().map(|file| (&*file.path, &*file.text));
        let data = self
            .data_files
            .iter()
            .map(|file| (&*file.path, &*file.text));
        let schemas = self.schemas.iter().map(|file| (&*file.path, &*file.text));
        rego.chain(data).chain(schemas).collect()
    }
}

/// Whether a mistake of [`PolicyFiles::read`] is that something could not be read at all, rather than what is in it.
pub fn is_unreadable(mistake: &Diagnostic) -> bool {
    matches!(mistake.code, walk::MISSING | walk::UNREADABLE)
}

/// The folder of the schemas.
const SCHEMAS: &str = "schemas/";

/// What a file's path says that the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rego,
    Data,
    Schema,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        if let Some(below) = path.strip_prefix(SCHEMAS) {
            let stem = below.strip_suffix(".json");
            return stem
                .is_some_and(|stem| !name_of(stem).is_empty())
                .then_some(Self::Schema);
        }
        match name_of(path) {
            "data.json" | "data.yaml" | "data.yml" => Some(Self::Data),
            name if name
                .strip_suffix(".rego")
                .is_some_and(|stem| !stem.is_empty()) =>
            {
                Some(Self::Rego)
            }
            _ => None,
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Merges the data files, each at the path of its folder. A value that two files give is an error even where they agree:
/// the next edit of one of them would not.
fn merge(files: &[DataFile]) -> Result<Value, Vec<Diagnostic>> {
    let mut root = Map::new();
    let mut merging = Merging::default();
    for file in files {
        match read_data(file) {
            Err(mistake) => merging.mistakes.push(*mistake),
            Ok(value) => {
                if let Value::Object(document) = below_folders(&file.path, value) {
                    merging.add(file, &mut root, document, "data");
                }
            }
        }
    }
    if merging.mistakes.is_empty() {
        Ok(Value::Object(root))
    } else {
        Err(merging.mistakes)
    }
}

/// `value` inside one object for each folder of `path`.
fn below_folders(path: &str, value: Value) -> Value {
    path.rsplit('/').skip(1).fold(value, |inside, folder| {
        Value::Object(Map::from_iter([(folder.to_owned(), inside)]))
    })
}

fn read_data(file: &DataFile) -> Result<Value, Box<Diagnostic>> {
    let is_json = name_of(&file.path) == "data.json";
    let parsed = if is_json {
        yaml::parse_json(&file.text)
    } else {
        yaml::parse(&file.text)
    };
    let value = parsed.map_err(|refused| {
        let language = if is_json { "JSON" } else { "YAML" };
        let start = refused.at.unwrap_or_default();
        let message = format!(
            "`{}` is not {language} that can be used: {}",
            file.path, refused.message
        );
        Diagnostic::error("P105", message).at(place(file, start, start + 1))
    })?;
    let (message, help) = match value {
        Value::Object(_) => return Ok(value),
        Value::Null => ("holds no data", "write an object, or `{}` for none"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            if file.path.contains('/') {
                return Ok(value);
            }
            (
                "is not an object",
                "give the list a key, or put the file in a folder that names it",
            )
        }
    };
    let first_line = file.text.lines().next().map_or(0, str::len);
    let mistake = Diagnostic::error("P105", format!("`{}` {message}", file.path));
    Err(mistake.at(place(file, 0, first_line)).help(help).into())
}

/// Data files on their way into one object.
#[derive(Default)]
struct Merging<'a> {
    /// The file that gave each value, by path of the value.
    owners: BTreeMap<String, &'a str>,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Merging<'a> {
    fn add(
        &mut self,
        file: &'a DataFile,
        into: &mut Map<String, Value>,
        from: Map<String, Value>,
        path: &str,
    ) {
        for (key, value) in from {
            let path = format!("{path}.{key}");
            match (into.get_mut(&key), value) {
                (None, value) => {
                    self.owners.insert(path, &file.path);
                    into.insert(key, value);
                }
                (Some(Value::Object(into)), Value::Object(from)) => {
                    self.add(file, into, from, &path);
                }
                (Some(_), _) => {
                    let other = self.owner(&path);
                    let start = file.text.find(&*key).unwrap_or_default();
                    let mistake = Diagnostic::error(
                        "P106",
                        format!("`{path}` is given by both `{other}` and `{}`", file.path),
                    )
                    .at(place(file, start, start + key.len()))
                    .labelled(format!("also in `{other}`"))
                    .help("keep it in one of the two files");
                    self.mistakes.push(mistake);
                }
            }
        }
    }

    /// The file that gave the value at `path`, or the object that it is in.
    fn owner(&self, path: &str) -> &'a str {
        let mut path = path;
        loop {
            if let Some(owner) = self.owners.get(path) {
                return owner;
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None => return "another file",
            }
        }
    }
}

fn place(file: &DataFile, start: usize, end: usize) -> Place {
    Place {
        file: file.path.clone(),
        text: Arc::clone(&file.text),
        start,
        end,
    }
}

#[cfg(test)]
mod tests;
