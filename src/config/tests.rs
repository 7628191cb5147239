//! Files as people write them, and what they get to see.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::{Paint, Severity};

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
    let frames: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.render(Paint::Plain)).collect();
    frames.join("\n\n")
}

/// `line: message` of each.
fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |diagnostic: &Diagnostic| diagnostic.place.as_ref().map_or(0, |place| place.line_and_column().0);
    diagnostics.iter().map(|diagnostic| format!("{}: {}", line(diagnostic), diagnostic.message)).collect()
}

fn only(text: &str) -> (String, String) {
    let all = mistakes(text);
    let errors: Vec<_> = all.iter().filter(|found| found.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{}", shown(&all));
    (errors[0].message.clone(), errors[0].help.clone().unwrap_or_default())
}

const OPERATOR: &str = "operators: {tokens: [{name: alice, role: admin, token: {env: LONG}}]}\n";

fn tracemem(rest: &str) -> String {
    format!("{OPERATOR}sources:\n  - name: refunds\n    kind: tracemem\n{rest}")
}

fn uncommented() -> String {
    let lines = DEFAULT_FILE.lines().map(|line| {
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let example = rest.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '));
        let line = example.map_or_else(|| line.to_owned(), |example| format!("{indent}{example}"));
        // The lists of the defaults are empty; those of the examples are below them.
        line.strip_suffix(": []").map(|key| format!("{key}:")).unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_says_what_an_empty_one_means() {
    let (from_file, warnings) = good(DEFAULT_FILE);
    let (empty, _) = good("");
    assert_eq!(told(&warnings).len(), 2);
    assert_eq!(format!("{from_file:?}"), format!("{empty:?}"));
    let run = Config { sources: Vec::new(), ..Config::default_for_run() };
    assert_eq!(format!("{empty:?}"), format!("{run:?}"));
}

#[test]
fn every_example_of_the_default_file_works_when_it_is_uncommented() {
    let text = uncommented();
    let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
    let (config, warnings) = Config::parse(&text, "countersign.yaml", &variables, now())
        .unwrap_or_else(|mistakes| panic!("{text}\n{}", shown(&mistakes)));
    assert_eq!(config.sources.len(), 2);
    assert_eq!(config.operators.tokens.len(), 3);
    assert!(warnings.iter().all(|warning| warning.code == code::SECRET_UNREADABLE), "{}", shown(&warnings));
    let SourceKind::TraceMem(tracemem) = &config.sources[0].kind else { panic!("the first is tracemem") };
    assert_eq!((tracemem.verify.len(), tracemem.fields.len()), (5, 4));
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
    let undocumented: Vec<_> = reader.known.iter().filter(|key| !words.contains(*key)).collect();
    assert!(undocumented.is_empty(), "{undocumented:?}");
    assert!(reader.known.len() > 60, "{:?}", reader.known);
}

#[test]
fn all_mistakes_of_a_file_are_shown_at_once() {
    let text = "\
mode: enforced
lisen: 0.0.0.0:1
operators:
  listen: localhost
  tokens:
    - {name: alice, role: boss, token: hunter2, token_file: /run/x}
policies: {budget: {time: 5 seconds}}
store: postgres://me:pass@db/x
sources:
  - name: Refunds
    kind: tracmem
  - name: refunds
    kind: tracemem
    api_url: api.tracemem.com
    credential: ${NOPE}
    verify:
      - hmac: {algoritm: sha1, secrets: []}
    fields: {action: intent}
";
    insta::assert_snapshot!(shown(&mistakes(text)), @"");
}

#[test]
fn a_secret_beside_a_mistake_is_not_shown() {
    for text in [
        "operators: {tokens: [{name: alice, role: boss, token: hunter2hunter2hunter2}]}\n",
        "operators: {tokens: [{name: alice, role: admin, tokn: hunter2hunter2hunter2}]}\n",
        "operators: {tokens: [{name: alice, role: admin, token: [hunter2hunter2hunter2]}]}\n",
        "operators: {tokens: [{name: alice, role: admin, token: {value: hunter2}}]}\n",
        "operators: {tokens: [{name: alice, role: admin, token: hunter2}]}\nmode: x\n",
        "operators:\n  tokens:\n    - token: hunter2: x\n",
        "store: postgres://me:hunter2@host/db\n",
        "sources: [{name: a, kind: tracemem, api_url: \"https://me:hunter2@host/\"}]\n",
        "sources: [{name: a, kind: tracemem, forward_to: \"https://me:hunter2@host/\"}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {header: a b, secrets: hunter2}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmak: {secrets: [hunter2]}}]}]\n",
    ] {
        let all = mistakes(text);
        assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
        let json: Vec<_> = all.iter().map(Diagnostic::to_json).collect();
        assert!(!format!("{json:?}").contains("hunter2"), "{json:?}");
    }
}

#[test]
fn near_keys_and_words_are_suggested() {
    for (text, message, help) in [
        ("lisen: 127.0.0.1:1\n", "unknown key `lisen`", "did you mean `listen`?"),
        ("mode: enforced\n", "`enforced` is not one of `dry_run` or `enforce`", "did you mean `enforce`?"),
        ("log: {level: inof}\n", "`inof` is not a log level", "did you mean `info`?"),
        ("log: {formt: text}\n", "unknown key `formt`", "did you mean `format`?"),
        ("shutdown: {x: 1}\n", "unknown key `x`", "known here: `grace`"),
        ("sources: [{name: a, kind: htp}]\n", "`htp` is not a kind of source", "did you mean `http`?"),
        ("sources: [{name: a, kind: http, api_url: x}]\n", "unknown key `api_url`", "known here: `name`, `kind`, `mode`, `body_limit`, `rate_limit`, `forward_to`, `volatile` or `tokens`"),
        ("sources: [{name: a, kind: tracemem, verify: [{hmc: {}}]}]\n", "`hmc` is not a way to verify", "did you mean `hmac`?"),
    ] {
        assert_eq!(only(text), (message.to_owned(), help.to_owned()), "{text}");
    }
}

#[test]
fn what_is_not_supported_yet_is_refused_as_that() {
    for kind in ["agentwarden", "webhook"] {
        let (message, help) = only(&format!("sources: [{{name: a, kind: {kind}, confirm: {{}}}}]\n"));
        assert_eq!(message, format!("sources of kind `{kind}` are not supported yet"));
        assert_eq!(help, "this version has `tracemem` and `http`");
    }
    assert_eq!(only("store: postgres://db/x\n").0, "PostgreSQL is not supported yet");
}

#[test]
fn values_out_of_bounds_or_of_the_wrong_kind_are_refused() {
    for text in [
        "- a list\n",
        "just text\n",
        "listen: 8787\n",
        "listen: [127.0.0.1:1]\n",
        "listen: example.com:80\n",
        "listen: 127.0.0.1:70000\n",
        "operators: 7\n",
        "operators: {tokens: {name: a}}\n",
        "operators: {tokens: [alice]}\n",
        "operators: {tokens: [{name: a b, role: admin, token: {env: LONG}}]}\n",
        "operators: {tokens: [{role: admin, token: {env: LONG}}]}\n",
        "operators: {tokens: [{name: a, token: {env: LONG}}]}\n",
        "operators: {tokens: [{name: a, role: admin}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: {}}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: {env: LONG, file: x}}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: \"\"}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: \"${EMPTY}\"}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: {env: EMPTY}}]}\n",
        "operators: {tokens: [{name: a, role: admin, token: {env: NOPE}}]}\n",
        "policies: {path: \"\"}\n",
        "policies: {budget: {time: 0ms}}\n",
        "policies: {budget: {time: 1h}}\n",
        "policies: {budget: {time: 50}}\n",
        "policies: {budget: {instructions: 0}}\n",
        "policies: {budget: {instructions: -1}}\n",
        "store: countersign.db\n",
        "store: \"sqlite://\"\n",
        "store: \"sqlite://:memory:\"\n",
        "store: sqlite://x.db?mode=ro\n",
        "escalation: {votes: 0}\n",
        "escalation: {within: 0s}\n",
        "log: {level: \"countersign=loud\"}\n",
        "limits: {connections: 0}\n",
        "limits: {body: 1GiB}\n",
        "limits: {body: 10}\n",
        "limits: {header_timeout: 0s}\n",
        "shutdown: {grace: 1d}\n",
        "sources: [{kind: http}]\n",
        "sources: [{name: a}]\n",
        "sources: [{name: A, kind: http}]\n",
        "sources: [{name: a, kind: http, rate_limit: 0}]\n",
        "sources: [{name: a, kind: http, forward_to: /hook}]\n",
        "sources: [{name: a, kind: http, volatile: [sent_at]}]\n",
        "sources: [{name: a, kind: http, tokens: [{token: {env: LONG}}]}]\n",
        "sources: [{name: a, kind: tracemem, path: hooks}]\n",
        "sources: [{name: a, kind: tracemem, path: /v1/requests}]\n",
        "sources: [{name: a, kind: tracemem, api_url: \"https://host/?x=1\"}]\n",
        "sources: [{name: a, kind: tracemem, credential_expires: soon}]\n",
        "sources: [{name: a, kind: tracemem, fields: {action: {}}}]\n",
        "sources: [{name: a, kind: tracemem, fields: {action: {at: /a}}}]\n",
        "sources: [{name: a, kind: tracemem, fields: {action: {value: a, at: /a, json: /b}}}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{user_agent: a, secret_path: {env: LONG}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{user_agent: }]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{static_header: {secrets: [{env: LONG}]}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{static_header: {name: X}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {header: \"a b\", secrets: [{env: LONG}]}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {signed: \"{timestamp}\", secrets: [{env: LONG}]}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {signed: \"{bdy}\", secrets: [{env: LONG}]}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {signed: \"{body\", secrets: [{env: LONG}]}}]}]\n",
        "sources: [{name: a, kind: tracemem, verify: [{standard_webhooks: {secrets: [\"whsec_!!!not-base64!!!\"]}}]}]\n",
        "listen: ${PORT\n",
        "a: 1\na: 2\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_signed_time_needs_its_header_and_a_header_must_be_signed() {
    let hmac = |rest: &str| tracemem(&format!("    verify: [{{hmac: {{secrets: [{{env: LONG}}], {rest}}}}}]\n"));
    assert_eq!(
        only(&hmac("signed: \"{timestamp}.{body}\"")).0,
        "`signed` has `{timestamp}`, but there is no `timestamp_header`"
    );
    assert_eq!(only(&hmac("timestamp_header: X-Time")).0, "`timestamp_header` is named, but `signed` has no `{timestamp}`");
    assert_eq!(only(&hmac("id_header: X-Id")).0, "`id_header` is named, but `signed` has no `{id}`");
    good(&hmac("signed: \"v0:{timestamp}:{body}\", timestamp_header: X-Time"));
}

#[test]
fn tracemem_is_assumed_to_sign_as_documented_unless_a_header_is_named() {
    let scheme = |hmac: &str| {
        let (config, _) = good(&tracemem(&format!("    verify: [{{hmac: {{{hmac}secrets: [{{env: LONG}}]}}}}]\n")));
        let SourceKind::TraceMem(source) = config.sources[0].kind.clone() else { panic!("it is tracemem") };
        assert_eq!(source.api_url.as_str(), "https://api.tracemem.com/");
        let VerifyConfig::Hmac(hmac) = source.verify[0].clone() else { panic!("it is an hmac") };
        (hmac.header, hmac.prefix)
    };
    assert_eq!(scheme(""), ("X-TraceMem-Signature".into(), "sha256=".into()));
    assert_eq!(scheme("prefix: \"\", "), ("X-TraceMem-Signature".into(), String::new()));
    assert_eq!(scheme("header: X-Sig, "), ("X-Sig".into(), String::new()));
}

#[test]
fn beyond_loopback_every_sender_must_be_verified() {
    let open = "listen: 0.0.0.0:8787\n";
    let (message, help) = only(&format!("{open}{}", tracemem("")));
    assert_eq!(message, "source `refunds` verifies nobody, and `listen` is 0.0.0.0:8787, which is not loopback");
    assert_eq!(help, "whoever reaches it could send requests: add `verify`, or listen on 127.0.0.1");
    let agent_only = tracemem("    verify: [{user_agent: TraceMem}]\n");
    assert!(only(&format!("{open}{agent_only}")).1.contains("a user agent alone proves nothing"));
    let http = format!("{OPERATOR}sources: [{{name: agents, kind: http}}]\n");
    assert!(only(&format!("{open}{http}")).1.contains("add `tokens`"));
    assert!(only(&format!("listen: \"[::]:8787\"\n{http}")).0.contains("[::]:8787"));
    good(&http);
    good(&format!("{open}{}", tracemem("    verify: [{hmac: {secrets: [{env: LONG}]}}]\n")));
}

#[test]
fn beyond_loopback_operators_need_tokens() {
    let (message, _) = only("operators: {listen: 0.0.0.0:8788}\n");
    assert_eq!(message, "`operators.listen` is 0.0.0.0:8788, which is not loopback, and there is no operator's token");
    good("operators: {listen: 0.0.0.0:8788, tokens: [{name: a, role: admin, token: {env: LONG}}]}\n");
}

#[test]
fn nothing_is_enforced_for_a_sender_nobody_verifies() {
    let credential = "    credential: {env: OTHER}\n";
    for verify in ["", "    verify: []\n", "    verify: [{user_agent: TraceMem}]\n"] {
        let (message, _) = only(&tracemem(&format!("    mode: enforce\n{credential}{verify}")));
        assert_eq!(message, "source `refunds` is in `enforce` and verifies nobody");
    }
    let inherited = format!("mode: enforce\n{}", tracemem(credential));
    assert_eq!(only(&inherited).0, "source `refunds` is in `enforce`, as all are here, and verifies nobody");
    assert!(parse(&format!("{OPERATOR}sources: [{{name: a, kind: http, mode: enforce}}]\n")).is_err());
    let own = format!("mode: enforce\n{}", tracemem("    mode: dry_run\n"));
    assert_eq!(good(&own).0.sources[0].mode, Mode::DryRun);
}

#[test]
fn tracemem_in_enforce_needs_a_credential() {
    let verified = "    mode: enforce\n    verify: [{hmac: {secrets: [{env: LONG}]}}]\n";
    assert_eq!(only(&tracemem(verified)).0, "source `refunds` is in `enforce` and has no credential to answer with");
    let (config, _) = good(&tracemem(&format!("{verified}    credential: {{env: OTHER}}\n")));
    assert!(config.sources[0].verified());
}

#[test]
fn names_paths_and_tokens_are_given_once() {
    let sources = |text: &str| format!("{OPERATOR}sources:\n{text}");
    for (text, message) in [
        (sources("  - {name: a, kind: http}\n  - {name: a, kind: http}\n"), "two sources are called `a`"),
        (
            sources("  - {name: a, kind: tracemem, path: /x}\n  - {name: b, kind: tracemem, path: /x}\n"),
            "two sources are delivered at `/x`",
        ),
        (
            sources("  - {name: a, kind: tracemem}\n  - {name: b, kind: tracemem, path: /v1/sources/a}\n"),
            "two sources are delivered at `/v1/sources/a`",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token: {env: OTHER}}]}\n  - {name: b, kind: http, tokens: [{agent: x, token: \"${OTHER}\"}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token: {env: LONG}}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token_file: /nope}, {agent: y, token_file: /nope}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            "operators: {tokens: [{name: a, role: admin, token: {env: LONG}}, {name: a, role: viewer, token: {env: OTHER}}]}\n".to_owned(),
            "two operators are called `a`",
        ),
    ] {
        assert_eq!(only(&text).0, message, "{text}");
    }
    good(&sources("  - {name: a, kind: http, tokens: [{agent: x, token: {env: OTHER}}, {agent: x, token: another-long-token-1}]}\n"));
}

#[test]
fn both_listeners_on_one_port_are_refused() {
    for addresses in [
        "listen: 127.0.0.1:9000\noperators: {listen: 127.0.0.1:9000}\n",
        "listen: 0.0.0.0:9000\noperators: {listen: 127.0.0.1:9000}\n",
        "operators: {listen: localhost:8787}\n",
    ] {
        assert!(only(addresses).0.starts_with("`listen` and `operators.listen` are both on port"), "{addresses}");
    }
    good("listen: 127.0.0.1:0\noperators: {listen: 127.0.0.1:0}\n");
}

#[test]
fn what_may_bite_later_is_a_warning() {
    let text = tracemem(
        "    api_url: http://tracemem.internal\n    credential: short\n    credential_expires: 2026-12-01\n    verify: [{hmac: {secrets: [{file: /nope/secret}]}}]\n",
    );
    let (_, warnings) = good(&text);
    assert!(warnings.iter().all(|warning| warning.severity == Severity::Warning));
    assert_eq!(
        told(&warnings),
        [
            "5: answers and their credential cross the network in the clear",
            "6: this secret is shorter than 16 bytes and can be guessed",
            "7: the credential expires in 9 days",
            "8: cannot read the secret file `/nope/secret`: No such file or directory (os error 2)",
        ]
    );
    let (_, warnings) = good(&tracemem("    credential_expires: 2026-11-21\n"));
    assert_eq!(told(&warnings), ["5: the credential has expired: answers will be refused"]);
    assert!(good(&tracemem("    credential_expires: 2027-11-21\n")).1.is_empty());
    let (_, warnings) = good("");
    let words = told(&warnings);
    assert_eq!(words, [
        "0: there is no operator: nobody can look, vote or freeze over the API",
        "0: there is no source: nothing can ask",
    ]);
}

#[test]
fn relative_paths_start_at_the_folder_of_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.yaml");
    std::fs::write(folder.path().join("token"), "a-token-that-is-long\n").unwrap();
    std::fs::write(&path, "policies: {path: ./rules}\noperators: {tokens: [{name: a, role: admin, token_file: token}]}\n").unwrap();
    let (config, warnings) = Config::load(&path, &environment, now()).unwrap();
    assert_eq!(config.policies.path, folder.path().join("rules"));
    assert_eq!(config.store, Store::Sqlite(folder.path().join("countersign.db")));
    assert!(matches!(&config.log.key, LogKey::Beside(key) if *key == folder.path().join("countersign.db.key")));
    assert_eq!(config.operators.tokens[0].token.read().unwrap().expose(), "a-token-that-is-long");
    assert_eq!(told(&warnings).len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("nope.yaml"), folder.path().to_owned()] {
        let told = Config::load(&path, &environment, now()).unwrap_err();
        assert_eq!(told[0].code, code::UNREADABLE);
        assert!(told[0].message.contains(Path::new(&path).to_str().unwrap()));
    }
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
        "    fields: {action: /intent, agent: {value: 7}, context: {at: /message, json: \"\"}, id: {value: [a, {b: \"1\"}, true]}}\n",
    ));
    let SourceKind::TraceMem(source) = &config.sources[0].kind else { panic!("it is tracemem") };
    assert_eq!(source.fields[&FieldName::Action], FieldConfig::Pointer("/intent".into()));
    assert_eq!(source.fields[&FieldName::Agent], FieldConfig::Value(7.into()));
    assert_eq!(source.fields[&FieldName::Context], FieldConfig::Inside { at: "/message".into(), json: String::new() });
    assert_eq!(source.fields[&FieldName::Id], FieldConfig::Value(serde_json::json!(["a", {"b": "1"}, true])));
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
    fn no_change_of_one_character_makes_the_reader_panic(at in 0..6000_usize, letter in proptest::char::any()) {
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
