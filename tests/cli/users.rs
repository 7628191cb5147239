//! Local users, as whoever administers them adds, lists and removes them.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use insta::assert_snapshot;

use crate::desk::{Ran, program};

const CONFIG: &str = "operators: {tokens: [{name: ci, role: viewer, email: ci@example.com, token: 0123456789abcdef}]}
teams: [{name: payments, members: [alice]}, {name: managers, members: [alice]}]
sources: [{name: a, kind: http}]
";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn configured() -> Self {
        let folder = Self::new();
        std::fs::write(folder.path().join("countersign.yaml"), CONFIG).unwrap();
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn users(&self) -> PathBuf {
        self.path().join("countersign.db.users.yaml")
    }

    /// Runs `countersign user` with `typed` on stdin.
    fn run(&self, arguments: &[&str], typed: &str) -> Ran {
        let mut child = program()
            .arg("user")
            .args(arguments)
            // Of whoever types: no flag of this command.
            .env("COUNTERSIGN_TOKEN", "0123456789abcdef")
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // It may have ended without reading.
        let _ = stdin.write_all(typed.as_bytes());
        drop(stdin);
        let mut ran = Ran::of(&child.wait_with_output().unwrap());
        let real = std::fs::canonicalize(self.path()).unwrap();
        for folder in [real.as_path(), self.path()] {
            ran.err = ran.err.replace(&format!("{}/", folder.display()), "");
        }
        ran
    }

    fn add(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["add"], arguments].concat();
        self.run(&arguments, "correct horse battery\n")
    }
}

#[test]
fn a_user_is_added_listed_and_removed() {
    let folder = Folder::configured();
    let alice = [
        "alice",
        "--role",
        "approver",
        "--email",
        "alice@example.com",
    ];
    let teams = [
        "--team",
        "payments",
        "--team",
        "managers",
        "--password-stdin",
    ];
    let added = folder.add(&[&alice[..], &teams].concat());
    assert_eq!((added.status, added.out.as_str()), (0, ""), "{added:?}");
    assert_snapshot!(added.err, @"added alice (approver) in countersign.db.users.yaml");
    let mode = std::fs::metadata(folder.users())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = std::fs::read_to_string(folder.users()).unwrap();
    assert!(
        kept.contains("password: $argon2id$v=19$m=19456,t=2,p=1$"),
        "{kept}"
    );
    assert!(!kept.contains("correct horse"));

    let mut listed = folder.run(&["list", "--format", "json"], "").json();
    listed[0]["added"] = "today".into();
    let expected = serde_json::json!([{
        "name": "alice", "role": "approver", "email": "alice@example.com", "teams": ["payments", "managers"],
        "password": true, "token": false, "added": "today",
    }]);
    assert_eq!(listed, expected);
    let table = folder.run(&["list"], "").out;
    let words: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        words[0],
        ["name", "role", "comes", "with", "added", "e-mail", "teams"]
    );
    assert_eq!(words[1][..3], ["alice", "approver", "password"]);
    assert!(!table.contains("argon2"));

    let removed = folder.run(&["remove", "ALICE"], "");
    assert_eq!(removed.status, 0);
    assert_snapshot!(removed.err, @"removed alice (approver) from countersign.db.users.yaml");
    assert_snapshot!(folder.run(&["list"], "").err, @"no users in countersign.db.users.yaml");
}

#[test]
fn a_token_is_shown_once_and_kept_as_its_digest() {
    let folder = Folder::new();
    let added = folder.add(&["bot", "--role", "viewer", "--token"]);
    assert_eq!(added.status, 0, "{added:?}");
    let token = added.out.strip_suffix('\n').unwrap();
    assert!(token.starts_with("cs_") && token.len() == 46, "{token}");
    assert_snapshot!(added.err, @r"
    added bot (viewer) in countersign.db.users.yaml
    the token is shown this once; keep it where only they can read it:
    ");
    let kept = std::fs::read_to_string(folder.users()).unwrap();
    assert!(
        kept.contains("token: sha256:") && !kept.contains(token),
        "{kept}"
    );
    assert!(!kept.contains("password"), "{kept}");
}

#[test]
fn who_is_there_is_replaced_only_when_that_is_said() {
    let folder = Folder::new();
    assert_eq!(
        folder.add(&["alice", "--role", "admin", "--token"]).status,
        0
    );
    let before = std::fs::read_to_string(folder.users()).unwrap();
    let again = folder.add(&["Alice", "--role", "viewer", "--token"]);
    assert_eq!((again.status, again.out.as_str()), (1, ""));
    assert_snapshot!(again.err, @"error: there is a user `alice`, and names ignore case; remove them first, or give --replace for a new role, password and token");
    assert_eq!(std::fs::read_to_string(folder.users()).unwrap(), before);
    let replaced = folder.add(&["Alice", "--role", "viewer", "--token", "--replace"]);
    assert_snapshot!(replaced.err.lines().next().unwrap(), @"replaced Alice (viewer) in countersign.db.users.yaml");
    let listed = folder.run(&["list", "--format", "json"], "").json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["role"], "viewer");
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() {
    let folder = Folder::configured();
    let refused = |arguments: &[&str], typed: &str| {
        let ran = folder.run(arguments, typed);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(!folder.users().exists());
        ran.err
    };
    let add = ["add", "alice", "--role", "approver", "--password-stdin"];
    let with = |more: &[&'static str]| [&add[..], more].concat();
    assert_snapshot!(refused(&add, "eleven char\n"), @"error: a password has at least 12 characters");
    assert_snapshot!(refused(&add, ""), @"error: a password has at least 12 characters");
    assert_snapshot!(refused(&add, &"x".repeat(5000)), @"error: a password has at most 1024 bytes");
    assert_snapshot!(refused(&add, "correct horse\nbattery\n"), @"error: there is more than one line on stdin; a password is one line");
    let typed = "correct horse battery\n";
    assert_snapshot!(refused(&with(&["--team", "payment"]), typed), @"error: the config has no team `payment`; did you mean `payments`?");
    assert_snapshot!(refused(&with(&["--team", "x"]), typed), @"error: the config has no team `x`; it has managers, payments");
    assert_snapshot!(refused(&with(&["--email", "CI@example.com"]), typed), @"error: `ci` has the address `CI@example.com` in the config; one address is one person's");
    assert_snapshot!(refused(&["remove", "alice"], ""), @"error: there is no user `alice`; see `countersign user list`");
    for mistaken in [
        &["add", "al ice", "--role", "admin", "--token"][..],
        &["add", "alice", "--role", "root", "--token"],
        &["add", "alice", "--token"],
        &[
            "add", "alice", "--role", "admin", "--email", "alice", "--token",
        ],
    ] {
        refused(mistaken, "");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_left_as_it_is() {
    let folder = Folder::new();
    std::fs::write(
        folder.users(),
        "users: [{name: alice, role: admin, secret: hunter2}]\n",
    )
    .unwrap();
    for arguments in [
        &["list"][..],
        &["remove", "alice"],
        &["add", "bob", "--role", "admin", "--token", "--replace"],
    ] {
        let ran = folder.run(arguments, "");
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(ran.err.contains("users.yaml` cannot be used: "), "{ran:?}");
        assert!(!ran.err.contains("hunter2"), "{ran:?}");
    }
    let kept = std::fs::read_to_string(folder.users()).unwrap();
    assert!(kept.contains("hunter2"));
}

#[test]
fn the_file_is_the_one_that_is_named_else_the_configs_else_beside_the_store() {
    let folder = Folder::configured();
    let bot = ["bot", "--role", "viewer", "--token"];
    let elsewhere = "operators: {users: people.yaml, tokens: [{name: ci, role: viewer, token: 0123456789abcdef}]}\nsources: [{name: a, kind: http}]\n";
    std::fs::write(folder.path().join("other.yaml"), elsewhere).unwrap();
    for (more, file) in [
        (&["--users", "named.yaml"][..], "named.yaml"),
        (&["-c", "other.yaml"], "people.yaml"),
        (&[], "countersign.db.users.yaml"),
    ] {
        let ran = folder.add(&[&bot[..], more].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    std::fs::write(folder.path().join("countersign.yaml"), "operators: [\n").unwrap();
    let ran = folder.run(&["list"], "");
    assert_eq!(ran.status, 1);
    assert!(
        ran.err
            .contains("`--users` names the users file without it"),
        "{ran:?}"
    );
}

#[test]
fn the_name_of_a_token_or_a_tool_is_nobody_elses() {
    let folder = Folder::new();
    let config = "operators: {tokens: [{name: ci, role: viewer, token: 0123456789abcdef}]}
teams:
  - name: payments
    groups: [payments]
    webhook: {url: 'https://console.example.com', secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw], decisions: {by: payments-console, secrets: [whsec_NfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
sources: [{name: a, kind: http}]
";
    std::fs::write(folder.path().join("countersign.yaml"), config).unwrap();
    let refused = |name: &str| {
        let ran = folder.add(&[name, "--role", "admin", "--token", "--replace"]);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(!folder.users().exists());
        ran.err
    };
    assert_snapshot!(refused("CI"), @"error: `CI` is known by a token in the config; a name is one person's, unless both have the same `email`");
    assert_snapshot!(refused("Payments-Console"), @"error: `Payments-Console` is a team's tool, by `webhook.decisions.by` in the config; it is a voter of its own");
}

#[test]
fn a_file_with_somebody_who_does_not_get_in_is_shown_and_mended() {
    let folder = Folder::new();
    let text = "users:
- {name: policy, role: admin, added: 2026-11-22}
- {name: erin, role: viewer, added: 2026-11-22}
";
    std::fs::write(folder.users(), text).unwrap();
    let shown = folder.run(&["list"], "");
    assert_eq!(shown.status, 1, "{shown:?}");
    assert!(shown.out.contains("erin") && !shown.out.contains("policy"));
    assert_snapshot!(shown.err, @"error: countersign.db.users.yaml, line 2: nobody is called `policy`: it is the word for what decides besides people; they do not get in");
    let again = folder.add(&["Erin", "--role", "viewer", "--token"]);
    assert_snapshot!(again.err, @"error: there is a user `erin`, and names ignore case; remove them first, or give --replace for a new role, password and token");
    let removed = folder.run(&["remove", "policy"], "");
    assert_eq!(removed.status, 0);
    assert_snapshot!(removed.err, @"removed policy (admin) from countersign.db.users.yaml");
    assert_eq!(folder.run(&["list"], "").status, 0);
}
