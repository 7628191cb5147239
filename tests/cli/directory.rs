//! Which policies a command reads.

use std::path::Path;
use std::process::Command;

const POLICY: &str = "package approvals\n\napprove contains \"ok\" if input.action == \"pay\"\n";
const INPUT: &str = r#"{"action": "pay"}"#;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// How `countersign` with these arguments ends in `folder`, and what it says.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_policies_of_the_config_are_read_though_its_secrets_are_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (here, other) = (folder.path().join("here"), folder.path().join("other"));
    let config = "policies: {path: rules}\noperators: {tokens: [{name: a, role: admin, token: {env: NOT_SET_HERE}}]}\n";
    write(&here.join("countersign.yaml"), config);
    write(&here.join("rules/a.rego"), POLICY);
    write(&here.join("pay.json"), INPUT);
    write(&other.join("policies/b.rego"), "package approvals\n");
    let config = here.join("countersign.yaml");
    let (config, input) = (config.to_str().unwrap(), here.join("pay.json"));
    let input = input.to_str().unwrap();

    for command in [vec!["check"], vec!["test"], vec!["decide", "pay.json"]] {
        let (status, said) = run(&here, &command, &[]);
        assert_eq!(status, Some(0), "{command:?}: {said}");
    }
    let one = |said: &str| said.contains("1 rule in 1 file");
    assert!(one(&run(&here, &["check"], &[]).1));
    assert!(one(&run(&other, &["check", "-c", config], &[]).1));
    let named = [("COUNTERSIGN_CONFIG", config)];
    assert!(one(&run(&other, &["check"], &named).1));
    let (_, said) = run(&other, &["decide", input, "-c", config], &[]);
    assert!(said.starts_with("Approved by policy"), "{said}");

    let (_, said) = run(&other, &["check"], &[]);
    assert!(said.contains("0 rules in 1 file"), "{said}");
    let (_, said) = run(&other, &["check", "--policies", "policies"], &named);
    assert!(said.contains("0 rules in 1 file"), "{said}");
}

#[test]
fn a_config_that_does_not_say_where_the_policies_are_is_no_silent_default() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("policies/a.rego"), POLICY);
    for config in [
        "policies: {path: \"${NOT_SET_HERE}\"}\n",
        "policies: [\n",
        "a: \0\n",
    ] {
        write(&folder.path().join("countersign.yaml"), config);
        let (status, said) = run(folder.path(), &["check"], &[]);
        assert_eq!(status, Some(1), "{said}");
        assert!(
            said.contains("does not say where the policies are"),
            "{said}"
        );
    }
}
