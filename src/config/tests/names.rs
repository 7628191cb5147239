//! Names that nobody has, and keys that stand beside where they belong.

use super::*;

/// Alice, whose users file is at `users`, and a team of `members`.
fn config_of(users: &Path, members: &str) -> String {
    format!(
        "operators:
  users: {}
  tokens: [{{name: alice, role: admin, email: alice@example.com, token: {{env: LONG}}}}]
teams:
  - name: payments
    groups: [payments]
    members: {members}
",
        users.display()
    )
}

fn unknown(text: &str) -> Vec<Diagnostic> {
    let (_, mut warnings) = good(text);
    warnings.retain(|warning| warning.code == code::UNKNOWN_PERSON);
    warnings
}

#[test]
fn a_member_or_an_owner_that_nobody_is_called_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.yaml");
    std::fs::write(
        &users,
        "users: [{name: Bob, role: approver, email: bob@example.com, added: 2026-11-22}]\n",
    )
    .unwrap();
    let mut text = config_of(
        &users,
        "[alcie, ALICE, bob, bob@example.com, y@zoo.invalid]",
    );
    text.push_str("agents: {owner: {a-bot: alice, b-bot: [Bob, zoe]}}\n");
    let text = text.replace(&users.display().to_string(), "users.yaml");
    let name = folder.path().join("countersign.yaml").display().to_string();
    let (_, warnings) = Config::parse(&text, &name, &environment, now()).unwrap();
    let warnings: Vec<_> = warnings
        .into_iter()
        .filter(|warning| warning.code == code::UNKNOWN_PERSON)
        .collect();
    insta::assert_snapshot!(shown(&warnings).replace(&name, "countersign.yaml"), @r"
    warning[C032]: nobody is called `alcie`: it is no token, no local user and no address of theirs
     --> countersign.yaml:7:15
      |
    7 |     members: [alcie, ALICE, bob, bob@example.com, y@zoo.invalid]
      |               ^^^^^
      |
      = help: did you mean `alice`?

    warning[C032]: nobody is called `y@zoo.invalid`: it is no token, no local user and no address of theirs
     --> countersign.yaml:7:51
      |
    7 |     members: [alcie, ALICE, bob, bob@example.com, y@zoo.invalid]
      |                                                   ^^^^^^^^^^^^^
      |
      = help: give it to a user: `countersign user add NAME --role approver --email y@zoo.invalid`

    warning[C032]: nobody is called `zoe`: it is no token, no local user and no address of theirs
     --> countersign.yaml:8:45
      |
    8 | agents: {owner: {a-bot: alice, b-bot: [Bob, zoe]}}
      |                                             ^^^
      |
      = help: add them: `countersign user add zoe --role approver`
    ");
}

#[test]
fn who_may_come_from_elsewhere_is_not_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users.yaml");
    let text = config_of(&users, "[zoe]");
    assert_eq!(unknown(&text).len(), 1);
    let proxy = "  proxy: {addresses: [127.0.0.1], user: X-User, secret: {header: X-Secret, secrets: [{env: OTHER}]}}\nteams:";
    assert!(unknown(&text.replace("teams:", proxy)).is_empty());
    // Whoever reads the mail of an address votes by it.
    let mail = config_of(&users, "[zoe@example.com]");
    assert_eq!(unknown(&mail).len(), 1);
    let mail = format!("{mail}email: {{host: smtp.example.com, from: a@example.com}}\n");
    assert!(unknown(&mail).is_empty());
    // It is not known who is in a file that cannot be read.
    std::fs::write(&users, "users: {}\n").unwrap();
    assert!(unknown(&text).is_empty());
}

#[test]
fn what_belongs_under_the_operators_is_told_where_it_belongs() {
    let text = "sources: [{name: a, kind: http}]\noidc: {issuer: https://idp.example.com, client_id: x, client_secret: hunter2}\nproxy: {user: X-User}\n";
    let shown = shown(&mistakes(text));
    for key in ["oidc", "proxy"] {
        assert!(
            shown.contains(&format!("error[C003]: unknown key `{key}`")),
            "{shown}"
        );
    }
    assert_eq!(
        shown.matches("help: it belongs under `operators:`").count(),
        2,
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
