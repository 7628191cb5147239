use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

use proptest::prelude::*;

use super::file::{WrittenUser, roll_of, text_of};
use super::*;

const PASSWORD: &str = "correct horse battery";

/// Of `password`, cheaply: for tests that check what is around it.
const CHEAP: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

struct Desk {
    folder: tempfile::TempDir,
    users: Users,
}

impl Desk {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = Users::at(folder.path().join("users.yaml"));
        Self { folder, users }
    }

    fn with(text: &str) -> Self {
        let desk = Self::empty();
        desk.write(text);
        desk
    }

    fn write(&self, text: &str) {
        std::fs::write(self.users.path(), text).unwrap();
        self.allow(0o600);
    }

    fn allow(&self, mode: u32) {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.users.path(), mode).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        role: Role::Approver,
        email: None,
        teams: Vec::new(),
        password: Some(PasswordHash::parse(CHEAP).unwrap()),
        token: None,
        added: "2026-11-22".parse().unwrap(),
    }
}

fn with_address(name: &str, email: &str) -> User {
    User {
        email: Some(email.to_owned()),
        ..user(name)
    }
}

fn names(users: &Users) -> Vec<String> {
    let listed = users.list().unwrap();
    listed.iter().map(|user| user.name.clone()).collect()
}

async fn is_let_in(users: &Users, name: &str, password: &str) -> bool {
    match users.login(name, &Secret::new(password)).await {
        Ok(_) => true,
        Err(LoginError::Wrong) => false,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_user_logs_in_with_their_password_and_is_who_the_file_says() {
    let desk = Desk::empty();
    let password = PasswordHash::of(&Secret::new(PASSWORD)).unwrap();
    let alice = User {
        password: Some(password),
        ..with_address("Alice", "alice@example.com")
    };
    desk.users.add(alice, Existing::Refuse).unwrap();
    let in_now = desk
        .users
        .login("alice", &Secret::new(PASSWORD))
        .await
        .unwrap();
    assert_eq!(in_now.proven.name, "Alice");
    assert_eq!(in_now.proven.origin, Origin::User);
    assert_eq!(in_now.proven.email.as_deref(), Some("alice@example.com"));
    assert_eq!(desk.users.stamp("alice").unwrap(), Some(in_now.stamp));
    for (name, password) in [
        ("alice", "correct horse batterz"),
        ("alice", ""),
        ("bob", PASSWORD),
        ("", PASSWORD),
        ("alice@example.com", PASSWORD),
    ] {
        assert!(!is_let_in(&desk.users, name, password).await, "{name}");
    }
}

#[tokio::test]
async fn whoever_has_no_password_gets_in_with_none() {
    let desk = Desk::with("users: [{name: bob, role: admin, added: 2026-11-22}]\n");
    for password in ["", "null", "password"] {
        assert!(!is_let_in(&desk.users, "bob", password).await);
    }
    assert_eq!(desk.users.bearer(b"").unwrap(), None);
}

#[test]
fn a_token_is_its_users_and_only_its_digest_is_kept() {
    let desk = Desk::empty();
    let (token, digest) = TokenDigest::of_new_token().unwrap();
    let (other, _) = TokenDigest::of_new_token().unwrap();
    assert_eq!(token.expose().len(), "cs_".len() + 43);
    assert!(token.expose().starts_with("cs_"));
    let bob = User {
        token: Some(digest),
        ..user("bob")
    };
    desk.users.add(bob, Existing::Refuse).unwrap();
    let found = desk.users.bearer(token.expose().as_bytes()).unwrap();
    assert_eq!(found.unwrap().name, "bob");
    let digest_itself = digest.to_string();
    for wrong in [other.expose(), &digest_itself, "", "cs_"] {
        assert_eq!(desk.users.bearer(wrong.as_bytes()).unwrap(), None);
    }
    let kept = std::fs::read_to_string(desk.users.path()).unwrap();
    assert!(!kept.contains(token.expose()) && kept.contains(&digest_itself));
    assert_eq!(format!("{digest:?}"), "TokenDigest(redacted)");
}

#[test]
fn a_stamp_dies_with_the_password_the_token_and_the_user() {
    let desk = Desk::empty();
    let stamp = || desk.users.stamp("bob").unwrap();
    assert_eq!(stamp(), None);
    desk.users.add(user("bob"), Existing::Refuse).unwrap();
    let first = stamp().unwrap();
    assert_eq!(first.len(), 32);
    // Of the same password, with another salt.
    let again = PasswordHash::of(&Secret::new(PASSWORD)).unwrap();
    let changed = User {
        password: Some(again),
        ..user("bob")
    };
    desk.users.add(changed.clone(), Existing::Replace).unwrap();
    let second = stamp().unwrap();
    let with_token = User {
        token: Some(TokenDigest::of(b"a")),
        ..changed
    };
    desk.users.add(with_token, Existing::Replace).unwrap();
    let third = stamp().unwrap();
    assert!(first != second && second != third && first != third);
    desk.users.remove("BOB").unwrap();
    assert_eq!(stamp(), None);
}

#[test]
fn no_file_is_no_users_and_a_removed_one_is_none_any_more() {
    let desk = Desk::empty();
    assert!(desk.users.list().unwrap().is_empty());
    desk.users.add(user("bob"), Existing::Refuse).unwrap();
    assert_eq!(names(&desk.users), ["bob"]);
    std::fs::remove_file(desk.users.path()).unwrap();
    assert!(desk.users.list().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_lets_nobody_in_and_is_not_empty() {
    let desk = Desk::empty();
    desk.users.add(user("bob"), Existing::Refuse).unwrap();
    let good = std::fs::read_to_string(desk.users.path()).unwrap();
    let shortened = good.get(..good.len() / 2).unwrap();
    for broken in [
        "",
        "users:\n",
        "users: {}\n",
        "{}\n",
        "[]\n",
        "users: []\nadmins: []\n",
        "users: []\nusers: []\n",
        "users: [{name: bob, role: approver, added: 2026-11-22, passwd: x}]\n",
        "users: [{name: bob, role: approver, role: admin, added: 2026-11-22}]\n",
        "users: [{name: bob, role: root, added: 2026-11-22}]\n",
        "users: [{name: bob, added: 2026-11-22}]\n",
        "users: [{name: bob, role: approver}]\n",
        "users: [{name: bob, role: approver, added: yesterday}]\n",
        "users: []\n---\nusers: []\n",
        shortened,
    ] {
        desk.write(broken);
        assert!(desk.users.list().is_err(), "{broken}");
        let refused = desk.users.login("bob", &Secret::new("password")).await;
        assert!(
            matches!(refused, Err(LoginError::Unavailable(_))),
            "{broken}"
        );
        assert!(desk.users.bearer(b"cs_x").is_err(), "{broken}");
        assert!(desk.users.stamp("bob").is_err(), "{broken}");
        assert!(desk.users.listed().is_err(), "{broken}");
        // Nor is it overwritten with what was understood of it.
        assert!(desk.users.add(user("carol"), Existing::Refuse).is_err());
        assert_eq!(std::fs::read_to_string(desk.users.path()).unwrap(), broken);
    }
    desk.write(&good);
    assert!(is_let_in(&desk.users, "bob", "password").await);
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_what_it_holds() {
    let text = "users:\n- {name: bob, role: hunter2, added: 2026-11-22}";
    let error = roll_of(text.as_bytes(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 21: this is not what a users file has: `users:` with a list, each with `name`, `role`, `added` and maybe `email`, `teams`, `password`, `token`"
    );
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

/// Users whom their file or the config does not let in, and what is said of each; `carol` among them is let in.
const REFUSED: &str = "users:
- {name: hunter two, role: viewer, added: 2026-11-22}
- name: Policy
  role: admin
  added: 2026-11-22

- {name: dora, role: viewer, added: 2026-11-22, email: hunter2}
- {name: erin, role: viewer, added: 2026-11-22, password: hunter2}
- {name: frank, role: viewer, added: 2026-11-22, token: cs_hunter2}
- {name: carol, role: admin, added: 2026-11-22, email: carol@example.com}
- {name: bob, role: viewer, added: 2026-11-22}
- {name: BOB, role: viewer, added: 2026-11-22}
- {name: a, role: viewer, added: 2026-11-22, token: 'sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'}
- {name: b, role: viewer, added: 2026-11-22, token: 'sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'}
- {name: Payments-Console, role: admin, added: 2026-11-22}
- {name: CI, role: admin, added: 2026-11-22, email: other@example.com}
";

fn taken() -> Vec<Taken> {
    let taken = |name: &str, email: Option<&str>, by| Taken {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        by,
    };
    vec![
        taken("ci", Some("ci@example.com"), Holder::Token),
        taken("payments-console", None, Holder::Tool),
    ]
}

#[tokio::test]
async fn whoever_the_file_does_not_say_clearly_is_out_and_keeps_nobody_else_out() {
    let desk = Desk::with(REFUSED);
    let users = Users::at(desk.users.path()).beside(taken());
    assert_eq!(names(&users), ["carol"]);
    let said: Vec<_> = (users.refused().unwrap().iter())
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "line 2: a name that is none: letters, digits and `-._@+:/`, at most 128",
            "line 3: nobody is called `Policy`: it is the word for what decides besides people",
            "line 7: `dora` has an `email` that is no address",
            "line 8: `erin` has a `password` that cannot be used: a password is kept as an argon2id PHC string; set it with `countersign user add --replace`",
            "line 9: `frank` has a `token` that is not `sha256:` and 64 hexadecimal digits",
            "line 11: `bob` is there twice; case does not count",
            "line 12: `BOB` is there twice; case does not count",
            "line 13: `a` and `b` have the same token",
            "line 14: `b` and `a` have the same token",
            "line 15: `Payments-Console` is a team's tool, by `webhook.decisions.by` in the config; it is a voter of its own",
            "line 16: `CI` is known by a token in the config; a name is one person's, unless both have the same `email`",
        ]
    );
    assert_eq!(users.bearer(b"a").unwrap(), None);
    for name in ["bob", "ci", "payments-console"] {
        assert_eq!(users.stamp(name).unwrap(), None, "{name}");
    }
}

#[test]
fn where_somebody_is_is_said_by_line_or_else_by_number() {
    let block = "users:\n  - name: a b\n    role: admin\n    teams:\n    - x\n    - y\n    added: 2026-11-22\n  -\n    {name: c d, role: admin, added: 2026-11-22}\n";
    let braces = "users: [{name: a b, role: admin, added: 2026-11-22},\n  {name: c d, role: admin, added: 2026-11-22}]\n";
    for (text, places) in [
        (block, ["line 2", "line 8"]),
        (braces, ["user 1", "user 2"]),
    ] {
        let refused = roll_of(text.as_bytes(), &[]).unwrap().refused;
        let said: Vec<_> = refused
            .iter()
            .map(|refused| refused.place.to_string())
            .collect();
        assert_eq!(said, places);
    }
}

#[test]
fn a_file_with_users_who_do_not_get_in_can_be_mended_one_by_one() {
    let desk = Desk::with(REFUSED);
    let users = Users::at(desk.users.path()).beside(taken());
    for name in [
        "policy",
        "hunter two",
        "dora",
        "erin",
        "frank",
        "b",
        "payments-console",
        "ci",
    ] {
        users.remove(name).unwrap();
    }
    let bob = users.add(user("Bob"), Existing::Refuse).unwrap_err();
    assert_eq!(
        bob.to_string(),
        "there is a user `bob`, and names ignore case; remove them first, or give --replace for a new role, password and token"
    );
    users.add(user("Bob"), Existing::Replace).unwrap();
    assert_eq!(users.refused().unwrap(), []);
    assert_eq!(names(&users), ["carol", "Bob", "a"]);
}

#[test]
fn nobody_is_added_under_the_name_of_a_token_or_a_tool() {
    let desk = Desk::empty();
    let users = Users::at(desk.users.path()).beside(taken());
    for taken in [
        user("CI"),
        user("ci@example.com"),
        with_address("ci", "other@example.com"),
        user("PAYMENTS-console"),
        with_address("payments-console", "ci@example.com"),
    ] {
        let name = taken.name.clone();
        for existing in [Existing::Refuse, Existing::Replace] {
            let email = taken.email.as_deref();
            let refused = users.check_free(&name, email, existing);
            assert!(matches!(refused, Err(EditError::Refused(_))), "{name}");
            let refused = users.add(taken.clone(), existing);
            assert!(matches!(refused, Err(EditError::Refused(_))), "{name}");
        }
    }
    assert!(desk.files().is_empty());
    // With both the name and the address it is the same person.
    let ci = with_address("ci", "CI@example.com");
    users.add(ci, Existing::Refuse).unwrap();
    assert_eq!(names(&users), ["ci"]);
}

#[test]
fn a_file_that_others_may_write_is_not_believed() {
    let desk = Desk::with("users: []\n");
    for mode in [0o620, 0o602, 0o666] {
        desk.allow(mode);
        assert!(matches!(
            desk.users.list(),
            Err(UsersError::Malformed {
                source: Malformed::Writable,
                ..
            })
        ));
    }
    for mode in [0o600, 0o400, 0o644] {
        desk.allow(mode);
        assert!(desk.users.list().is_ok());
    }
}

#[test]
fn a_name_and_an_address_are_one_persons() {
    let desk = Desk::empty();
    let add = |user: User, existing| {
        desk.users
            .add(user, existing)
            .map(|old| old.map(|old| old.name))
    };
    add(with_address("alice", "alice@example.com"), Existing::Refuse).unwrap();
    assert!(matches!(
        add(user("Alice"), Existing::Refuse),
        Err(EditError::Exists { .. })
    ));
    let taken = with_address("bob", "ALICE@example.com");
    assert!(matches!(
        add(taken, Existing::Refuse),
        Err(EditError::AddressTaken { .. })
    ));
    let replaced = add(
        with_address("Alice", "alice@example.com"),
        Existing::Replace,
    );
    assert_eq!(replaced.unwrap().as_deref(), Some("alice"));
    assert_eq!(names(&desk.users), ["Alice"]);
    assert!(matches!(
        desk.users.remove("bob"),
        Err(EditError::Unknown(_))
    ));
}

#[test]
fn the_file_is_its_owners_alone_and_nothing_is_left_beside_it() {
    let desk = Desk::with("users: []\n");
    desk.allow(0o644);
    desk.users.add(user("bob"), Existing::Refuse).unwrap();
    let mode = std::fs::metadata(desk.users.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(desk.files(), ["users.yaml", "users.yaml.lock"]);
}

#[test]
fn a_link_to_the_file_stays_a_link() {
    let desk = Desk::with("users: []\n");
    let link = desk.folder.path().join("link");
    std::os::unix::fs::symlink("users.yaml", &link).unwrap();
    let through = Users::at(&link);
    through.add(user("bob"), Existing::Refuse).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&desk.users), ["bob"]);
}

#[test]
fn two_who_add_at_once_lose_nothing() {
    let desk = Desk::empty();
    let (writers, each) = (8, 8);
    let start = Barrier::new(writers);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (path, start) = (desk.users.path(), &start);
            scope.spawn(move || {
                let users = Users::at(path);
                start.wait();
                for number in 0..each {
                    let added = user(&format!("user-{writer}-{number}"));
                    users.add(added, Existing::Refuse).unwrap();
                }
            });
        }
    });
    assert_eq!(desk.users.list().unwrap().len(), writers * each);
}

fn some_user() -> impl Strategy<Value = User> {
    let name = "[a-zA-Z0-9._@+:/-]{1,20}";
    let email = proptest::option::of("[a-z0-9.+]{1,10}@[a-z0-9.-]{1,10}");
    let teams = proptest::collection::vec(".{0,10}", 0..3);
    let role = prop_oneof![Just(Role::Viewer), Just(Role::Approver), Just(Role::Admin)];
    let token = proptest::option::of(any::<[u8; 32]>().prop_map(TokenDigest));
    (name, email, teams, role, token, any::<bool>()).prop_map(
        |(name, email, teams, role, token, with_password)| User {
            name,
            email,
            teams,
            role,
            token,
            password: with_password.then(|| PasswordHash::parse(CHEAP).unwrap()),
            added: "2026-11-22".parse().unwrap(),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(users in proptest::collection::vec(some_user(), 0..5)) {
        let text = text_of(users.iter().cloned().map(WrittenUser::from).collect()).unwrap();
        let read = roll_of(text.as_bytes(), &[]).unwrap();
        let alone = |user: &&User| {
            let namesakes = users.iter().filter(|other| same(&other.name, &user.name));
            namesakes.count() == 1
        };
        let expected: Vec<_> = users.iter().filter(alone).cloned().collect();
        prop_assert_eq!(read.users, expected);
    }
}
