//! Files as people write them, and what they get to see.

mod checks;
mod names;
mod notify;
mod operators;
mod people;
mod refused;
mod schema;
mod verify;
mod webhook_mistakes;
mod webhook_warnings;
mod webhooks;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::{Paint, Severity};
use crate::source::FieldRule;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn environment(name: &str) -> Option<String> {
    match name {
        "LONG" => Some("a-long-enough-secret-value".into()),
        "OTHER" => Some("another-long-enough-secret".into()),
        "PORT" => Some("9999".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<(Config, Vec<Diagnostic>), Vec<Diagnostic>> {
    Config::parse(text, "countersign.yaml", &environment, now())
}

fn good(text: &str) -> (Config, Vec<Diagnostic>) {
    parse(text).unwrap_or_else(|mistakes| panic!("{}", shown(&mistakes)))
}

fn mistakes(text: &str) -> Vec<Diagnostic> {
    parse(text).expect_err("this config must be refused")
}

fn shown(diagnostics: &[Diagnostic]) -> String {
    let frames: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render(Paint::Plain))
        .collect();
    frames.join("\n\n")
}

/// `line: message` of each.
fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |diagnostic: &Diagnostic| {
        diagnostic
            .place
            .as_ref()
            .map_or(0, |place| place.line_and_column().0)
    };
    diagnostics
        .iter()
        .map(|diagnostic| format!("{}: {}", line(diagnostic), diagnostic.message))
        .collect()
}

fn only(text: &str) -> (String, String) {
    let all = mistakes(text);
    let errors: Vec<_> = all
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    assert_eq!(errors.len(), 1, "{}", shown(&all));
    (
        errors[0].message.clone(),
        errors[0].help.clone().unwrap_or_default(),
    )
}

const OPERATOR: &str = "operators: {tokens: [{name: alice, role: admin, token: {env: LONG}}]}\n";

fn tracemem(rest: &str) -> String {
    format!("{OPERATOR}sources:\n  - name: refunds\n    kind: tracemem\n{rest}")
}

fn uncommented() -> String {
    let lines = DEFAULT_FILE.lines().map(|line| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let example = rest
            .strip_prefix('#')
            .filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        example.map_or_else(|| line.to_owned(), |example| format!("{indent}{example}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_says_what_an_empty_one_means() {
    let (from_file, warnings) = good(DEFAULT_FILE);
    let (empty, _) = good("");
    assert_eq!(told(&warnings).len(), 2);
    assert_eq!(format!("{from_file:?}"), format!("{empty:?}"));
    let run = Config {
        sources: Vec::new(),
        ..Config::default_for_run()
    };
    assert_eq!(format!("{empty:?}"), format!("{run:?}"));
}

#[test]
fn every_example_of_the_default_file_works_when_it_is_uncommented() {
    let text = uncommented();
    let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
    let (config, warnings) = Config::parse(&text, "countersign.yaml", &variables, now())
        .unwrap_or_else(|mistakes| panic!("{text}\n{}", shown(&mistakes)));
    assert_eq!(config.sources.len(), 4);
    assert_eq!(config.operators.tokens.len(), 3);
    assert!(
        warnings
            .iter()
            .all(|warning| warning.code == code::SECRET_UNREADABLE),
        "{}",
        shown(&warnings)
    );
    let SourceKind::TraceMem(tracemem) = &config.sources[0].kind else {
        panic!("the first is tracemem")
    };
    assert_eq!(tracemem.verify.len(), 6);
    assert!(tracemem.fields.context.is_some());
}

#[test]
fn every_key_that_means_something_is_in_the_default_file() {
    let text = uncommented();
    let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
    let mut reader = Reader::new("countersign.yaml", &text, PathBuf::new(), &variables);
    let (root, _) = yaml::parse(&text);
    sections::config(&mut reader, root.as_ref(), now());
    let words: BTreeSet<_> = DEFAULT_FILE
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .collect();
    let undocumented: Vec<_> = reader
        .known
        .iter()
        .filter(|key| !words.contains(*key))
        .collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
    assert!(reader.known.len() > 60, "{:?}", reader.known);
}

#[test]
fn the_schema_has_the_keys_that_mean_something_and_no_others() {
    fn keys<'s>(schema: &'s serde_json::Value, found: &mut BTreeSet<&'s str>) {
        if let Some(properties) = schema.get("properties").and_then(|value| value.as_object()) {
            found.extend(properties.keys().map(String::as_str));
        }
        match schema {
            serde_json::Value::Object(members) => {
                members.values().for_each(|value| keys(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let mut found = BTreeSet::new();
    keys(&schema, &mut found);
    let text = uncommented();
    let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
    let mut reader = Reader::new("countersign.yaml", &text, PathBuf::new(), &variables);
    let (root, _) = yaml::parse(&text);
    sections::config(&mut reader, root.as_ref(), now());
    assert_eq!(found, reader.known);
}

#[test]
fn tracemem_is_assumed_to_sign_as_documented_unless_a_header_is_named() {
    let scheme = |hmac: &str| {
        let (config, _) = good(&tracemem(&format!(
            "    verify: [{{hmac: {{{hmac}secrets: [{{env: LONG}}]}}}}]\n"
        )));
        let SourceKind::TraceMem(source) = config.sources[0].kind.clone() else {
            panic!("it is tracemem")
        };
        assert_eq!(source.api_url.host(), "api.tracemem.com");
        let VerifyConfig::Hmac(hmac) = source.verify[0].clone() else {
            panic!("it is an hmac")
        };
        (hmac.header.to_string(), hmac.prefix)
    };
    assert_eq!(
        scheme(""),
        ("x-tracemem-signature".into(), "sha256=".into())
    );
    assert_eq!(
        scheme("prefix: \"\", "),
        ("x-tracemem-signature".into(), String::new())
    );
    assert_eq!(scheme("header: X-Sig, "), ("x-sig".into(), String::new()));
}

#[test]
fn relative_paths_start_at_the_folder_of_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.yaml");
    std::fs::write(folder.path().join("token"), "a-token-that-is-long\n").unwrap();
    std::fs::write(&path, "policies: {path: ./rules}\noperators: {tokens: [{name: a, role: admin, token_file: token}]}\n").unwrap();
    let (config, warnings) = Config::load(&path, &environment, now()).unwrap();
    assert_eq!(config.policies.path, folder.path().join("rules"));
    assert_eq!(
        config.store,
        Store::Sqlite(folder.path().join("countersign.db"))
    );
    assert!(
        matches!(&config.log.key, LogKey::Beside(key) if *key == folder.path().join("countersign.db.key"))
    );
    assert_eq!(
        config.operators.tokens[0].token.read().unwrap().expose(),
        "a-token-that-is-long"
    );
    assert_eq!(told(&warnings).len(), 1);
}

#[test]
fn json_is_read_as_it_is() {
    let text = "{\n\t\"listen\": \"127.0.0.1:${PORT}\",\n\t\"sources\":[{\"name\":\"a\",\"kind\":\"http\",\"rate_limit\":5}]\n}\n";
    let (config, _) = good(text);
    assert_eq!(config.listen.port(), 9999);
    assert_eq!(config.sources[0].rate_limit.map(NonZeroU32::get), Some(5));
}

#[test]
fn fields_are_pointers_values_or_inside_a_string() {
    let (config, _) = good(&tracemem(
        "    fields: {action: /intent, agent: {value: [a, {b: \"1\"}, true, 7]}, context: {at: /message, json: \"\"}}\n",
    ));
    let SourceKind::TraceMem(source) = &config.sources[0].kind else {
        panic!("it is tracemem")
    };
    let crate::source::FieldMap {
        action,
        agent,
        context,
    } = &source.fields;
    assert!(matches!(action, Some(FieldRule::At(at)) if at.as_str() == "/intent"));
    assert!(matches!(
        context,
        Some(FieldRule::Inside { at, json }) if at.as_str() == "/message" && json.as_str().is_empty()
    ));
    assert!(matches!(
        agent,
        Some(FieldRule::Value(value)) if *value == serde_json::json!(["a", {"b": "1"}, true, 7])
    ));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z:\\-{}\\[\\]\"'#&*!|>${}\\n\\t ü💶]{0,120}") {
        let read = parse(&text);
        for diagnostic in read.map_or_else(|mistakes| mistakes, |(_, warnings)| warnings) {
            diagnostic.render(Paint::Plain);
        }
    }

    #[test]
    fn no_change_of_one_character_makes_the_reader_panic(at in 0..20_000_usize, letter in proptest::char::any()) {
        let mut text: Vec<char> = uncommented().chars().collect();
        let at = at % text.len();
        text[at] = letter;
        let text: String = text.into_iter().collect();
        let read = parse(&text);
        for diagnostic in read.map_or_else(|mistakes| mistakes, |(_, warnings)| warnings) {
            diagnostic.render(Paint::Plain);
        }
    }
}

#[test]
fn every_code_is_documented() {
    let documented = include_str!("../../../docs/configuration.md");
    let codes: Vec<_> = include_str!("../code.rs")
        .split('"')
        .filter(|word| word.starts_with('C') && word.len() == 4)
        .collect();
    assert_eq!(codes.len(), 31);
    for code in codes {
        assert!(documented.contains(&format!("| {code} |")), "{code}");
    }
}

#[test]
fn probing_is_off_unless_it_is_asked_for() {
    assert_eq!(good("").0.policies.probe, Probe::Off);
    assert_eq!(good(DEFAULT_FILE).0.policies.probe, Probe::Off);
    for (word, probe) in [
        ("off", Probe::Off),
        ("warn", Probe::Warn),
        ("refuse", Probe::Refuse),
    ] {
        let text = format!("policies: {{probe: {word}}}\n");
        assert_eq!(good(&text).0.policies.probe, probe);
    }
    let (message, help) = only("policies: {probe: refused}\n");
    assert!(message.contains("`refused` is not one of") && help.contains("`refuse`"));
}

#[test]
fn what_a_config_says_of_probing_is_read_whatever_else_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.yaml");
    std::fs::write(&path, "policies: {probe: refuse}\nlisten: nowhere\n").unwrap();
    assert_eq!(Config::policy_probe(&path, &environment), Probe::Refuse);
    assert_eq!(
        Config::policy_probe(&folder.path().join("none.yaml"), &environment),
        Probe::Off
    );
}
