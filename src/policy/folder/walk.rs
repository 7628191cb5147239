//! Finds the policy files under a directory. Links are followed, also to directories, since that is how Kubernetes mounts
//! a ConfigMap: `p.rego` links to `..data/p.rego`, and `..data` to a directory with the time in its name. Names that start
//! with a dot are not walked into, so each file is found once, by its own name.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::Diagnostic;

use super::Kind;

/// A policy file larger than this is a mistake, and what parses it has the same limit.
const MAXIMUM_BYTES: u64 = 1024 * 1024;

/// There is no such directory.
pub(super) const MISSING: &str = "P101";
/// Something in it cannot be read.
pub(super) const UNREADABLE: &str = "P102";

/// Folders beside the policies that hold no policy; of those named `schemas`, the one at the top holds the schemas.
const NOT_LOADED: [&str; 2] = ["samples", "schemas"];

/// Every policy file under `directory` as path and text, in no order.
pub(super) fn read(directory: &Path) -> Result<Vec<(String, Arc<str>)>, Vec<Diagnostic>> {
    let shown = directory.display();
    let mut walk = Walk::default();
    match fs::canonicalize(directory) {
        Ok(real) if real.is_dir() => walk.directory(directory, "", &mut vec![real]),
        Ok(_) => walk.mistakes.push(
            Diagnostic::error(
                MISSING,
                format!("`{shown}` is a file, not a policy directory"),
            )
            .help("name the directory that it is in"),
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => walk.mistakes.push(
            Diagnostic::error(MISSING, format!("there is no policy directory `{shown}`"))
                .help("create it, or name another with `--policies` or `policies.path`"),
        ),
        Err(error) => walk.unreadable(&shown.to_string(), &error),
    }
    if walk.mistakes.is_empty() {
        Ok(walk.files)
    } else {
        Err(walk.mistakes)
    }
}

/// A schema in a language that is not read would look enforced and not be.
fn is_unread_schema(path: &str) -> bool {
    let below = path.strip_prefix("schemas/").unwrap_or_default();
    [".yaml", ".yml"].iter().any(|end| below.ends_with(end))
}

#[derive(Default)]
struct Walk {
    files: Vec<(String, Arc<str>)>,
    mistakes: Vec<Diagnostic>,
}

impl Walk {
    /// `above` holds the real paths of the directories that this one is in, itself the last.
    fn directory(&mut self, directory: &Path, prefix: &str, above: &mut Vec<PathBuf>) {
        let listed = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(&directory.display().to_string(), &error),
        };
        // The same mistakes in the same order each time, so that two reads can be compared.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let lossy = name.to_string_lossy();
                if Kind::of(&format!("{prefix}{lossy}")).is_some() {
                    self.mistakes.push(Diagnostic::error(
                        "P103",
                        format!("the name of `{prefix}{lossy}` is not UTF-8"),
                    ));
                }
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = format!("{prefix}{name}");
            // Follows links, which `entry.metadata` does not.
            match fs::metadata(entry.path()) {
                Ok(found) if found.is_dir() && NOT_LOADED.contains(&name) && path != "schemas" => {}
                Ok(found) if found.is_dir() => self.enter(&entry.path(), &path, above),
                Ok(found) if Kind::of(&path).is_some() => self.file(&entry.path(), path, &found),
                Err(error) if Kind::of(&path).is_some() => self.unreadable(&path, &error),
                Ok(_) if is_unread_schema(&path) => self.mistakes.push(
                    Diagnostic::error("P130", format!("`{path}` is a schema that is not read"))
                        .help("write it as JSON, in a file that ends in `.json`"),
                ),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn enter(&mut self, directory: &Path, path: &str, above: &mut Vec<PathBuf>) {
        match fs::canonicalize(directory) {
            Err(error) => self.unreadable(path, &error),
            Ok(real) if above.contains(&real) => self.mistakes.push(
                Diagnostic::error(
                    "P108",
                    format!("`{path}` links back to a directory that it is in"),
                )
                .help("remove the link"),
            ),
            Ok(real) => {
                above.push(real);
                self.directory(directory, &format!("{path}/"), above);
                above.pop();
            }
        }
    }

    fn file(&mut self, file: &Path, path: String, found: &fs::Metadata) {
        if !found.is_file() {
            // A pipe or a device would be waited on for ever.
            self.mistakes.push(Diagnostic::error(
                UNREADABLE,
                format!("`{path}` is not a plain file"),
            ));
            return;
        }
        let mut bytes = Vec::new();
        let read = fs::File::open(file)
            .and_then(|open| open.take(MAXIMUM_BYTES + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            return self.unreadable(&path, &error);
        }
        if bytes.len() as u64 > MAXIMUM_BYTES {
            self.mistakes.push(
                Diagnostic::error("P104", format!("`{path}` is larger than 1 MiB"))
                    .help("split it into several files"),
            );
            return;
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push((path, text.into())),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let line = error
                    .as_bytes()
                    .iter()
                    .take(at)
                    .filter(|byte| **byte == b'\n')
                    .count()
                    + 1;
                self.mistakes.push(
                    Diagnostic::error("P103", format!("`{path}` is not UTF-8 in line {line}"))
                        .help("save it as UTF-8"),
                );
            }
        }
    }

    fn unreadable(&mut self, path: &str, error: &std::io::Error) {
        self.mistakes.push(Diagnostic::error(
            UNREADABLE,
            format!("`{path}` cannot be read: {error}"),
        ));
    }
}
