//! No fact that is left out, null or of another kind turns a veto into an approval.
//!
//! Every set of `tests/corpus/policies` approves whatever nothing speaks against, so that only its vetoes stand between
//! a request and an approval; the set that ships is tried with its own samples.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::diagnostic::Paint;
use countersign::domain::verdict::{Outcome, Verdict};
use countersign::policy::folder::PolicyFiles;
use countersign::policy::{Budget, Input, PolicySet, decide};
use jiff::Timestamp;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T10:00:00Z";

fn root(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inside)
}

fn load(directory: &Path) -> PolicySet {
    let budget = Budget {
        time: Duration::from_secs(30),
        ..Budget::default()
    };
    let files = PolicyFiles::read(directory).unwrap();
    match PolicySet::load(files, budget) {
        Ok(loaded) => loaded.set,
        Err(mistakes) => panic!(
            "{}",
            mistakes
                .iter()
                .map(|mistake| mistake.render(Paint::Plain))
                .collect::<String>()
        ),
    }
}

fn ask(set: &PolicySet, input: &Value) -> Verdict {
    let input = Input::parse(&input.to_string()).unwrap();
    decide(set, &input, NOW.parse::<Timestamp>().unwrap())
}

fn about(context: &Value) -> Value {
    json!({
        "version": 1, "source": "corpus", "platform": "http", "id": "1", "action": "act", "agent": {"id": "bot"},
        "context": context, "rationale_required": false, "now": NOW,
        "verified": {"signature": true, "record": false}, "payload": {},
    })
}

struct Corpus {
    name: String,
    set: PolicySet,
    approve: Vec<Value>,
    refuse: Vec<Value>,
    /// Fields that may be left out: the policy says what stands in for them.
    optional: Vec<String>,
    /// Fields that mean something as a value of any kind.
    loose: Vec<String>,
}

fn corpus() -> Vec<Corpus> {
    let mut found: Vec<Corpus> = std::fs::read_dir(root("tests/corpus/policies"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let samples = std::fs::read_to_string(path.join("samples.json")).unwrap();
            let samples: Value = serde_json::from_str(&samples).unwrap();
            let list = |key: &str| samples[key].as_array().unwrap().clone();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            Corpus {
                name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                set: load(&path),
                approve: list("approve"),
                refuse: list("refuse"),
                optional: list("optional").iter().map(text).collect(),
                loose: list("loose").iter().map(text).collect(),
            }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Every field of every object in the document. An element of a list is none: without it, it is another list.
fn fields(value: &Value, at: &str) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        fields(value, &at)
    };
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| {
                let own = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                [own].into_iter().chain(below(key, value))
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| below(&index.to_string(), item))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    }
}

/// The same document with something else at a field, or without it.
fn with(document: &Value, field: &str, replacement: Option<&Value>) -> Value {
    let mut document = document.clone();
    let (parent, key) = field.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    let parent = parent.as_object_mut().unwrap();
    let key = key.replace("~1", "/").replace("~0", "~");
    match replacement {
        Some(replacement) => parent.insert(key, replacement.clone()),
        None => parent.remove(&key),
    };
    document
}

/// A list and an object both have elements: what is in one of them may as well be in the other.
fn is_same_kind(a: &Value, b: &Value) -> bool {
    let has_elements = |value: &Value| value.is_array() || value.is_object();
    std::mem::discriminant(a) == std::mem::discriminant(b) || has_elements(a) && has_elements(b)
}

/// What a field could be instead, of every other kind.
fn others(value: &Value) -> Vec<Value> {
    let all = [
        json!(true),
        json!(false),
        json!(7),
        json!("some text"),
        json!(["some text"]),
        json!([7]),
        json!({"some": "text"}),
    ];
    all.into_iter()
        .filter(|other| !is_same_kind(other, value))
        .collect()
}

#[test]
fn ordinary_requests_of_the_corpus_are_approved_and_the_others_are_not() {
    let mut wrong = Vec::new();
    for corpus in corpus() {
        for (samples, approved) in [(&corpus.approve, true), (&corpus.refuse, false)] {
            for context in samples {
                let verdict = ask(&corpus.set, &about(context));
                let by_rule = verdict.cause == countersign::domain::verdict::Cause::Rule;
                if (verdict.outcome == Outcome::Approve) != approved || !by_rule {
                    wrong.push(format!("{}: {context}\n{verdict:#?}", corpus.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_fact_of_the_corpus_that_is_missing_null_or_of_another_kind_never_approves() {
    let mut tried = 0;
    let mut holes = Vec::new();
    for corpus in corpus() {
        for context in &corpus.refuse {
            let mut replacements = Vec::new();
            for field in fields(context, "") {
                if !corpus.optional.contains(&field) {
                    replacements.push((field.clone(), None));
                }
                replacements.push((field.clone(), Some(Value::Null)));
                if corpus.loose.contains(&field) {
                    continue;
                }
                let kinds = others(context.pointer(&field).unwrap());
                replacements.extend(kinds.into_iter().map(|kind| (field.clone(), Some(kind))));
            }
            for (field, replacement) in replacements {
                let changed = with(context, &field, replacement.as_ref());
                tried += 1;
                if ask(&corpus.set, &about(&changed)).outcome == Outcome::Approve {
                    let by = replacement.map_or("nothing".to_owned(), |value| value.to_string());
                    holes.push(format!("{}: {field} of {context} by {by}", corpus.name));
                }
            }
        }
    }
    assert!(
        holes.is_empty(),
        "{} of {tried}:\n{}",
        holes.len(),
        holes.join("\n")
    );
    assert!(tried > 1_000, "{tried}");
}

/// Every field of the request that the shipped policies let an agent leave out, by `object.get`.
const OPTIONAL: [&str; 3] = ["/context/charged", "/context/currency", "/context/text"];

#[test]
fn a_fact_of_a_shipped_sample_that_is_missing_null_or_of_another_kind_never_approves() {
    let set = load(&root("policies"));
    let mut tried = 0;
    let mut holes = Vec::new();
    for entry in std::fs::read_dir(root("policies/samples")).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (input, expected) = (&sample["input"], sample["expect"]["outcome"].as_str());
        let verdict = ask(&set, input);
        assert_eq!(
            Some(verdict.outcome.as_str()),
            expected,
            "{}",
            path.display()
        );
        if verdict.outcome == Outcome::Approve {
            continue;
        }
        for field in fields(input, "") {
            if input.pointer(&field) == Some(&Value::Null) {
                continue;
            }
            let mut replacements: Vec<_> = others(input.pointer(&field).unwrap())
                .into_iter()
                .chain([Value::Null])
                .map(Some)
                .collect();
            if !OPTIONAL.contains(&field.as_str()) {
                replacements.push(None);
            }
            for replacement in replacements {
                tried += 1;
                let changed = with(input, &field, replacement.as_ref());
                if ask(&set, &changed).outcome == Outcome::Approve {
                    let by = replacement.map_or("nothing".to_owned(), |value| value.to_string());
                    holes.push(format!("{}: {field} by {by}", path.display()));
                }
            }
        }
    }
    assert!(
        holes.is_empty(),
        "{} of {tried}:\n{}",
        holes.len(),
        holes.join("\n")
    );
    assert!(tried > 1_000, "{tried}");
}
