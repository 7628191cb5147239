//! The files under `examples/` say what this version understands.

use std::collections::BTreeSet;
use std::path::Path;

use countersign::clock::Clock;
use countersign::config::{Config, LogKey, Mode};
use serde::Deserialize as _;
use serde_yaml::Value;
use sha2::Digest as _;

use crate::desk::{Ran, program};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

fn load(config: &Path) -> Config {
    let environment =
        |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| "/run/credentials".to_owned());
    match Config::load(config, &environment, Clock.now()) {
        Ok((config, _)) => config,
        Err(mistakes) => panic!("{mistakes:#?}"),
    }
}

/// The value of `key` in the ConfigMap called `name`.
fn config_map(name: &str, key: &str) -> String {
    let text = read("examples/deploy/kubernetes.yaml");
    serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .find(|object| object["kind"] == "ConfigMap" && object["metadata"]["name"] == name)
        .and_then(|object| object["data"][key].as_str().map(str::to_owned))
        .unwrap()
}

#[test]
fn the_tracemem_example_is_a_config_that_answers_nobody() {
    let config = load(&Path::new(ROOT).join("examples/tracemem/countersign.yaml"));
    assert_eq!(config.mode, Mode::DryRun);
    assert_eq!(config.sources.len(), 1);
}

/// The platforms under `examples/platforms`.
fn platforms() -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(Path::new(ROOT).join("examples/platforms")).unwrap();
    let mut found: Vec<_> = folders
        .map(|folder| folder.unwrap().path())
        .filter(|folder| folder.join("countersign.yaml").exists())
        .collect();
    found.sort();
    found
}

#[test]
fn every_platform_is_a_config_that_passes_and_answers_nobody() {
    let platforms = platforms();
    assert!(platforms.len() >= 5, "{platforms:?}");
    for platform in platforms {
        let config = platform.join("countersign.yaml");
        let checked = program()
            .env("SIDCLAW_WEBHOOK_SECRET", "a1b2c3d4e5f60718293a4b5c6d7e8f90")
            .args(["config", "check", "-c"])
            .arg(&config)
            .output()
            .unwrap();
        let ran = Ran::of(&checked);
        assert_eq!(ran.status, 0, "{}: {ran:?}", config.display());
        let text = std::fs::read_to_string(&config).unwrap();
        assert!(text.contains("\nmode: dry_run\n"), "{}", config.display());
    }
}

#[test]
fn the_policies_of_the_platforms_pass_their_checks_and_tests() {
    let policies = Path::new(ROOT).join("examples/platforms/policies");
    for command in ["check", "test"] {
        let output = program().arg(command).arg(&policies).output().unwrap();
        let ran = Ran::of(&output);
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
    }
}

#[test]
fn the_agentwarden_example_is_a_config_that_answers_nobody_and_one_for_the_simulation() {
    let folder = Path::new(ROOT).join("examples/agentwarden");
    let config = load(&folder.join("countersign.yaml"));
    assert_eq!(config.mode, Mode::DryRun);
    assert_eq!(config.sources.len(), 1);
    let simulated = load(&folder.join("simulated.yaml"));
    assert_eq!(simulated.mode, Mode::Enforce);
}

#[test]
fn the_executors_handler_is_the_one_of_agentwardens_page() {
    // What the page shows, letter for letter: whoever changes the file changes what is proven with it.
    let handler = read("examples/agentwarden/handler.py");
    let digest = hex::encode(sha2::Sha256::digest(handler.as_bytes()));
    assert_eq!(
        digest,
        "0ed64200439cd1870ee0c1dbee0035e63dce476fd45063784c2ef56b162d9618"
    );
}

/// Links lead to where people reach it, and logins outlive the machine.
fn people_reach_it_and_stay_logged_in(config: &Config) {
    let url = config.operators.url.as_deref().unwrap_or_default();
    assert!(url.starts_with("https://"), "{url}");
    for key in [&config.operators.session.key, &config.log.key] {
        assert!(matches!(key, LogKey::Given(_)), "{key:?}");
    }
}

fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The names of the files that `text` names in `folder`.
fn files_in<'t>(text: &'t str, folder: &str) -> BTreeSet<&'t str> {
    let named = text.split(folder).skip(1);
    let end = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '-');
    named.filter_map(|rest| rest.split(end).next()).collect()
}

#[test]
fn the_services_config_is_taken_and_its_secrets_are_handed_over() {
    let path = Path::new(ROOT).join("examples/deploy/countersign.yaml");
    let config = load(&path);
    assert_eq!(config.mode, Mode::DryRun);
    people_reach_it_and_stay_logged_in(&config);
    let (text, unit) = (
        read_text(&path),
        read("examples/deploy/countersign.service"),
    );
    let read = files_in(&text, "${CREDENTIALS_DIRECTORY}/");
    let handed = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="));
    let handed: BTreeSet<_> = handed.filter_map(|line| line.split(':').next()).collect();
    assert_eq!(read, handed);
}

#[test]
fn the_sidecars_config_and_policy_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("countersign.yaml");
    std::fs::write(
        &config,
        config_map("countersign-config", "countersign.yaml"),
    )
    .unwrap();
    let loaded = load(&config);
    assert_eq!(loaded.operators.listen.port(), 8788);
    people_reach_it_and_stay_logged_in(&loaded);
    // Every secret that the config reads is one that the Secret has.
    let (text, all) = (read("examples/deploy/kubernetes.yaml"), read_text(&config));
    let secrets = files_in(&all, "/run/secrets/countersign/");
    assert!(secrets.len() >= 4, "{secrets:?}");
    for name in secrets {
        assert!(
            text.contains(&format!("\n  {name}: REPLACE-ME\n")),
            "{name}"
        );
    }

    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(
        policies.join("refunds.rego"),
        config_map("countersign-policies", "refunds.rego"),
    )
    .unwrap();
    let output = program().arg("check").arg(&policies).output().unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn every_alert_watches_a_metric_that_there_is() {
    let registered = read("src/metrics.rs") + &read("src/metrics/people.rs");
    let alerts = read("examples/deploy/alerts.yaml");
    let mut watched = 0;
    for word in alerts.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        let Some(name) = word.strip_prefix("countersign_") else {
            continue;
        };
        let name = name.strip_suffix("_total").unwrap_or(name);
        let name = name.strip_suffix("_info").unwrap_or(name);
        let name = name.strip_suffix("_count").unwrap_or(name);
        assert!(registered.contains(&format!("\"{name}\"")), "{word}");
        watched += 1;
    }
    assert!(watched > 9);
}

#[test]
fn the_commands_that_the_pages_name_are_there() {
    let help = Ran::of(&program().arg("--help").output().unwrap()).out;
    for page in [
        "README.md",
        "docs/checks.md",
        "docs/configuration.md",
        "docs/http-api.md",
        "docs/mail-and-webhooks.md",
        "docs/operations.md",
        "docs/people.md",
        "docs/platforms.md",
        "docs/policies.md",
        "docs/policy-guide.md",
        "docs/tracemem.md",
        "policies/README.md",
        "examples/agentwarden/README.md",
        "examples/deploy/README.md",
        "examples/people/README.md",
        "examples/platforms/README.md",
        "examples/tracemem/README.md",
    ] {
        for named in read(page).split("`countersign ").skip(1) {
            let command = named.split([' ', '`']).next().unwrap();
            let listed = help.contains(&format!("  {command} "));
            assert!(listed, "{page}: countersign {command}");
        }
    }
}
