//! The same rules by the bytecode and by the interpreter: what fires must not differ.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use regorus::{Engine, Value};
use serde_json::json;

use crate::policy::decide::decide;
use crate::policy::folder::{PolicyFiles, RegoFile};
use crate::policy::input::Input;
use crate::policy::set::{Budget, PolicySet};

/// Bodies of `reject`, each with the helpers it needs.
const BODIES: &[(&str, &str)] = &[
    ("input.n > 3", ""),
    ("not input.n > 3", ""),
    ("input.n in {1, 4, 7}", ""),
    ("input.n in [1, 4, 7]\n\tinput.flag", ""),
    ("some x in input.list\n\tx > 3", ""),
    (
        "some x in input.list\n\tx > 3\n\tsome y in input.list\n\ty < x\n\tx - y == 2",
        "",
    ),
    ("input.list[i] > 3\n\ti > 0", ""),
    ("input.items[i].tags[_] == \"a\"", ""),
    (
        "some key, value in input.map\n\tvalue == 2\n\tstartswith(key, \"b\")",
        "",
    ),
    ("every x in input.list { x > 0 }", ""),
    (
        "every x in input.list {\n\t\tsome y in input.list\n\t\ty >= x\n\t}",
        "",
    ),
    (
        "every key, value in input.map { value < 3; key != \"z\" }",
        "",
    ),
    (
        "not every_small",
        "every_small if every x in input.list { x < 4 }",
    ),
    ("count([x | some x in input.list; x > 2]) == 2", ""),
    ("{x | some x in input.list; x > 2} == {3, 5}", ""),
    ("{k: v | some k, v in input.map; v > 1}.b == 2", ""),
    (
        "count([y | some item in input.items; y := [tag | some tag in item.tags; tag != \"a\"]; count(y) > 0]) == 1",
        "",
    ),
    (
        "grade == \"high\"",
        "grade := \"high\" if input.n > 10\n\nelse := \"mid\" if input.n > 3\n\nelse := \"low\"",
    ),
    (
        "grade != \"high\"",
        "default grade := \"none\"\n\ngrade := \"high\" if input.n > 3",
    ),
    ("double(input.n) == 8", "double(x) := x * 2"),
    (
        "kind(input.map) == \"b\"",
        "kind({\"a\": 1, \"b\": _}) := \"b\"\n\nkind({\"a\": 2}) := \"c\"",
    ),
    (
        "sign(input.n) == \"plus\"",
        "sign(x) := \"plus\" if x > 0\n\nsign(x) := \"minus\" if x < 0\n\nsign(0) := \"zero\"",
    ),
    (
        "\"b\" in tags",
        "tags contains tag if {\n\tsome item in input.items\n\tsome tag in item.tags\n}",
    ),
    (
        "by_name.one.tags[0] == \"a\"",
        "by_name[item.name] := item if some item in input.items",
    ),
    (
        "count(tags & {\"a\", \"c\"}) == 1",
        "tags contains tag if tag := input.items[_].tags[_]",
    ),
    ("tags - {\"a\"} == {\"b\"}", "tags := {\"a\", \"b\"}"),
    ("[first, second] := input.list\n\tfirst < second", ""),
    ("{\"a\": one} := input.map\n\tone == 1", ""),
    ("[_, x] = [1, input.n]\n\tx == 4", ""),
    ("x := input.map[\"a\"]\n\ty := x + 1\n\ty == 2", ""),
    ("z := data.missing.path\n\tcount([z]) == 1", ""),
    ("object.get(input.map, \"zz\", 4) == input.n", ""),
    (
        "sprintf(\"%d-%s\", [input.n, input.items[0].name]) == \"4-one\"",
        "",
    ),
    (
        "nested.deep.value == 4",
        "nested := {\"deep\": {\"value\": input.n}}",
    ),
    ("data.lib.over(input.n)", ""),
    ("lib.over(input.n)\n\tlib.most == 3", ""),
    ("lib.names[_] == \"x\"", ""),
    ("4 in lib.listed", ""),
    ("input.n in lib.listed", ""),
    ("lib.listed[input.n]", ""),
    ("count(lib.listed) == 2", ""),
    ("some x in lib.listed\n\tx == input.n", ""),
    ("not input.n in lib.listed", ""),
    ("lib.keyed.b == 2", ""),
    ("lib.keyed[key] == 2\n\tkey in object.keys(input.map)", ""),
    ("[lib.most, lib.many] == [3, 2]", ""),
    ("{\"a\": lib.listed}.a == {4, 5}", ""),
    ("lib.squares[1] == 16", ""),
    ("lib[\"listed\"] == {4, 5}", ""),
    ("over(lib.listed, input.n)", "over(all, x) if x in all"),
    (
        "upper(input.items[0].name) == \"ONE\"\n\tcontains(input.items[0].name, \"n\")",
        "",
    ),
    ("x := [y | y := input.list[_]; y > 1]\n\tx[0] == 3", ""),
    (
        "min(input.list) == 1\n\tmax(input.list) == 5\n\tsum(input.list) == 9",
        "",
    ),
    ("true", ""),
    ("x := \"a\\\"b\"\n\tcount(x) == 3", ""),
    ("x := `a\"b`\n\tcount(x) == 3", ""),
    ("x := \"#\" # \"it's `odd`\n\tx == \"#\"", ""),
    ("odd == \"a\\\"\"", "odd := \"a\\\"\""),
    ("odd", "odd if x := \"a\\\"\""),
    (
        "{x: y | some y in input.list; x := sprintf(\"%v\", [y])}[\"3\"] == 3",
        "",
    ),
    ("input.flag == false", ""),
    ("input.flag", ""),
    ("not not_there", "not_there if input.nothing.here"),
    (
        "chain_a",
        "chain_a if chain_b\n\nchain_b if {\n\tnot chain_c\n}\n\nchain_c if input.n > 100",
    ),
    (
        "some {\"name\": name, \"tags\": [\"a\"]} in input.items\n\tname == \"one\"",
        "",
    ),
    (
        "walk_to(input.items, \"two\")",
        "walk_to(items, name) if {\n\tsome item in items\n\titem.name == name\n}",
    ),
];

const LIBRARY: &str = "package lib\n\nmost := 3\n\nover(x) if x > most\n\nnames contains \"x\" if most == 3\n\n\
     listed contains x if some x in [4, 5]\n\nkeyed[k] := v if some k, v in {\"a\": 1, \"b\": 2}\n\n\
     many := count([x | some x in listed])\n\nsquares := [y | some x in [3, 4]; y := x * x]\n";

fn inputs() -> Vec<serde_json::Value> {
    let items = json!([{"name": "one", "tags": ["a"]}, {"name": "two", "tags": ["a", "b"]}]);
    vec![
        json!({"action": "a", "n": 4, "flag": true, "list": [1, 3, 5], "map": {"a": 1, "b": 2}, "items": items}),
        json!({"action": "a", "n": 2, "flag": false, "list": [3, 5], "map": {"a": 2}, "items": []}),
        json!({"action": "a", "n": 0, "flag": true, "list": [], "map": {}, "items": items}),
        json!({"action": "a", "n": 11, "list": [4], "map": {"b": 2}, "items": items}),
        json!({"action": "a"}),
    ]
}

fn files(body: &str, helpers: &str) -> PolicyFiles {
    let text = format!(
        "package approvals\n\nimport data.lib\n\nreject contains \"it fired\" if {{\n\tinput.action == \"a\"\n\t{body}\n}}\n\n{helpers}\n"
    );
    let file = |path: &str, text: &str| RegoFile {
        path: path.to_owned(),
        text: text.into(),
    };
    PolicyFiles {
        rego: vec![
            file("approvals/x.rego", &text),
            file("lib/lib.rego", LIBRARY),
        ],
        data: json!({"limits": [1, 2]}),
        data_files: vec![],
        schemas: vec![],
    }
}

fn by_interpreter(files: &PolicyFiles, input: &serde_json::Value) -> BTreeSet<String> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    for file in &files.rego {
        engine
            .add_policy(file.path.clone(), file.text.to_string())
            .unwrap();
    }
    engine
        .add_data(Value::from_json_str(&files.data.to_string()).unwrap())
        .unwrap();
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    let found = engine
        .eval_rule("data.approvals.reject".to_owned())
        .unwrap();
    let found: Vec<String> = serde_json::from_str(&found.to_json_str().unwrap()).unwrap();
    found.into_iter().collect()
}

#[test]
fn the_bytecode_fires_what_the_interpreter_fires() {
    let mut differences = Vec::new();
    let mut fired = 0;
    for (body, helpers) in BODIES {
        let files = files(body, helpers);
        let budget = Budget {
            time: Duration::from_secs(5),
            ..Budget::default()
        };
        let set = match PolicySet::load(files.clone(), budget) {
            Ok(loaded) => loaded.set,
            Err(mistakes) => {
                differences.push(format!("{body}: {mistakes:?}"));
                continue;
            }
        };
        for input in inputs() {
            let verdict = decide(
                &set,
                &Input::parse(&input.to_string()).unwrap(),
                Timestamp::UNIX_EPOCH,
            );
            let ours: BTreeSet<String> = verdict
                .rules
                .iter()
                .map(|rule| rule.reason.clone())
                .collect();
            let theirs = by_interpreter(&files, &input);
            fired += theirs.len();
            if ours != theirs {
                differences.push(format!(
                    "{body}\n  on {input}\n  bytecode {ours:?}, interpreter {theirs:?}"
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(fired > 50, "{fired}");
}

/// Every field of every object of a document, dropped or replaced.
fn variants(value: &serde_json::Value, out: &mut Vec<serde_json::Value>) {
    let mut whole = value.clone();
    change(&mut whole, &mut Vec::new(), value, out);
}

fn change(
    whole: &mut serde_json::Value,
    at: &mut Vec<String>,
    here: &serde_json::Value,
    out: &mut Vec<serde_json::Value>,
) {
    let children: Vec<(String, &serde_json::Value)> = match here {
        serde_json::Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => return,
    };
    for (key, child) in children {
        at.push(key.clone());
        if here.is_object() {
            let above = &at[..at.len() - 1];
            let parent = above
                .iter()
                .fold(String::new(), |path, key| path + "/" + key);
            let replacements = [
                json!(null),
                json!(true),
                json!(7),
                json!("text"),
                json!([7]),
                json!({"a": 7}),
            ];
            for replacement in replacements.map(Some).into_iter().chain([None]) {
                let mut copy = whole.clone();
                let fields = copy.pointer_mut(&parent).unwrap().as_object_mut().unwrap();
                match replacement {
                    Some(replacement) => fields.insert(key.clone(), replacement),
                    None => fields.remove(&key),
                };
                out.push(copy);
            }
        }
        change(whole, at, child, out);
        at.pop();
    }
}

#[test]
fn the_corpus_fires_what_the_interpreter_fires_and_says_where_it_is_written() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/policies");
    let now = "2026-11-23T10:00:00Z";
    let (mut differences, mut compared, mut fired) = (Vec::new(), 0, 0);
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let files = PolicyFiles::read(&path).unwrap();
        let budget = Budget {
            time: Duration::from_secs(30),
            ..Budget::default()
        };
        let set = PolicySet::load(files.clone(), budget).unwrap().set;
        let samples = std::fs::read_to_string(path.join("samples.json")).unwrap();
        let samples: serde_json::Value = serde_json::from_str(&samples).unwrap();
        let mut contexts = Vec::new();
        for context in ["approve", "refuse"]
            .iter()
            .flat_map(|key| samples[key].as_array().unwrap())
        {
            contexts.push(context.clone());
            variants(context, &mut contexts);
        }
        let mut engine = Engine::new();
        engine.set_strict_builtin_errors(false);
        for file in &files.rego {
            engine
                .add_policy(file.path.clone(), file.text.to_string())
                .unwrap();
        }
        engine
            .add_data(Value::from_json_str(&files.data.to_string()).unwrap())
            .unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for context in contexts {
            let input =
                json!({"action": "act", "agent": {"id": "bot"}, "context": context, "now": now});
            let verdict = decide(
                &set,
                &Input::parse(&input.to_string()).unwrap(),
                now.parse().unwrap(),
            );
            for rule in &verdict.rules {
                fired += 1;
                let file = files
                    .rego
                    .iter()
                    .find(|file| file.path == rule.file)
                    .unwrap();
                let line = |number: u32| file.text.lines().nth(number as usize - 1).unwrap();
                assert!(
                    line(rule.line).starts_with(&format!("{} contains", rule.set)),
                    "{rule:?}"
                );
                for condition in &rule.conditions {
                    let written = line(condition.line);
                    let start = condition.text.split(['{', '\n']).next().unwrap().trim();
                    assert!(written.contains(start), "{written}: {condition:?}");
                }
            }
            engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
            let mut theirs = BTreeSet::new();
            let mut failed = false;
            for set in ["approve", "reject", "escalate"] {
                match engine.eval_rule(format!("data.approvals.{name}.{set}")) {
                    Ok(found) => {
                        let found: Vec<serde_json::Value> = found
                            .to_json_str()
                            .map(|text| serde_json::from_str(&text).unwrap_or_default())
                            .unwrap_or_default();
                        theirs.extend(
                            found
                                .iter()
                                .map(|reason| format!("{set} {}", reason.as_str().unwrap())),
                        );
                    }
                    // No rule of this name, or a conflict, which is a failure to us too.
                    Err(error) => failed |= !error.to_string().contains("not a valid rule path"),
                }
            }
            if failed || !verdict.failures.is_empty() {
                continue;
            }
            compared += 1;
            let ours: BTreeSet<String> = verdict
                .rules
                .iter()
                .map(|rule| format!("{} {}", rule.set, rule.reason))
                .collect();
            if ours != theirs {
                differences.push(format!(
                    "{name} on {context}\n  bytecode {ours:?}\n  interpreter {theirs:?}"
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(compared > 1_000 && fired > 1_000, "{compared} {fired}");
}
