//! Where samples come from: `samples/*.json` of the policy directory, and the inputs of the set's own tests.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::json;
use crate::policy::engine::inputs;
use crate::policy::folder::PolicyFiles;

/// The folder of samples in a policy directory.
pub const FOLDER: &str = "samples";

/// One policy input that somebody wrote down or that was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What it is called: its file, its test, or its case.
    pub name: String,
    /// The policy input.
    pub input: Value,
}

/// The samples in the folder of `directory`, in the order of their names; none where there is no such folder. Mistakes
/// come all at once.
pub fn in_folder(directory: &Path) -> Result<Vec<Sample>, Vec<Diagnostic>> {
    let folder = directory.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = |name: &str, error: &dyn std::fmt::Display| {
        Diagnostic::error("P102", format!("`{name}` cannot be read: {error}"))
    };
    let entries = std::fs::read_dir(&folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| vec![unreadable(FOLDER, &error)])?;
    let mut names: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name).extension().is_some_and(|end| end == "json") && !name.starts_with('.')
        })
        .collect();
    names.sort();
    let mut samples = Vec::new();
    let mut mistakes = Vec::new();
    for file in names {
        let name = format!("{FOLDER}/{file}");
        match std::fs::read(folder.join(&file)) {
            Err(error) => mistakes.push(unreadable(&name, &error)),
            Ok(bytes) => match read(&name, &bytes) {
                Ok(sample) => samples.push(sample),
                Err(mistake) => mistakes.push(*mistake),
            },
        }
    }
    if mistakes.is_empty() {
        Ok(samples)
    } else {
        Err(mistakes)
    }
}

/// The sample in `bytes`: a policy input, or one under `input`.
pub fn read(name: &str, bytes: &[u8]) -> Result<Sample, Box<Diagnostic>> {
    let refused = |message: String| {
        Diagnostic::error("P121", format!("`{name}` is not a sample: {message}"))
            .help("write a policy input, or `{\"input\": …, \"expect\": {\"outcome\": …}}`")
    };
    let value = json::parse(bytes).map_err(|error| refused(error.to_string()))?;
    let Value::Object(mut fields) = value else {
        return Err(refused("it is not an object".to_owned()).into());
    };
    let input = match fields.shift_remove("input") {
        None => Value::Object(fields),
        Some(input @ Value::Object(_)) => input,
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_),
        ) => return Err(refused("its `input` is not an object".to_owned()).into()),
    };
    Ok(Sample {
        name: name.to_owned(),
        input,
    })
}

/// The inputs of the set's own tests.
pub fn of_tests(files: &PolicyFiles, now: Timestamp) -> Result<Vec<Sample>, Vec<Diagnostic>> {
    let inputs = inputs::of_tests(files, now)?;
    Ok(inputs
        .into_iter()
        .filter(|found| found.input.is_object())
        .map(|found| Sample {
            name: found.test,
            input: found.input,
        })
        .collect())
}

/// Those of `samples` that no one before them is the same as.
pub fn distinct(samples: Vec<Sample>) -> Vec<Sample> {
    let mut seen = std::collections::HashSet::new();
    samples
        .into_iter()
        .filter(|sample| seen.insert(json::canonical(&sample.input)))
        .collect()
}

/// When the sample was asked, as it says itself.
pub fn time_of(input: &Value) -> Option<Timestamp> {
    input.get("now")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sample_is_an_input_or_holds_one() {
        let bare = read("a.json", br#"{"action": "a"}"#).unwrap();
        let held = read("a.json", br#"{"input": {"action": "a"}, "expect": {}}"#).unwrap();
        assert_eq!(bare.input, json!({"action": "a"}));
        assert_eq!(bare, held);
        for wrong in ["[]", r#"{"input": 5}"#, "{", r#"{"a": 1, "a": 2}"#] {
            assert!(read("a.json", wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_samples_that_cannot_be_used_are_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join(FOLDER);
        assert_eq!(in_folder(directory.path()), Ok(Vec::new()));
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in [
            ("b.json", "{}"),
            ("a.json", "["),
            ("c.json", "5"),
            ("d.txt", ""),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        assert_eq!(in_folder(directory.path()).unwrap_err().len(), 2);
        std::fs::remove_file(folder.join("a.json")).unwrap();
        std::fs::remove_file(folder.join("c.json")).unwrap();
        let names: Vec<String> = in_folder(directory.path())
            .unwrap()
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["samples/b.json"]);
    }
}
