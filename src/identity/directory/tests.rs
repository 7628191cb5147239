use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::SignedDuration;

use super::*;
use crate::domain::escalation::EscalationDefaults;
use crate::domain::team::Team;
use crate::identity::users::Users;

/// A users file that can be edited.
struct Desk {
    directory: Directory,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// Teams `payments` (bob, carol@example.com, group oncall) and `managers` (dora), tokens of `alice` and `ci`, and the
    /// users in `users`.
    fn with(users: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.yaml");
        let directory = Directory::new(
            Arc::new(people()),
            Grants {
                admin: vec!["admins".to_owned()],
                approver: vec!["approvers".to_owned()],
                viewer: vec!["staff".to_owned()],
            },
            vec![
                listed("alice", Some("alice@example.com"), Role::Admin),
                listed("ci", None, Role::Viewer),
            ],
            Some(Arc::new(Users::at(&path))),
        )
        .beside(vec![
            "payments-console".to_owned(),
            "desk@example.com".to_owned(),
        ]);
        let desk = Self {
            directory,
            path,
            _folder: folder,
        };
        desk.write(users);
        desk
    }

    fn write(&self, users: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&self.path, format!("users: [{users}]\n")).unwrap();
        let owners = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&self.path, owners).unwrap();
    }

    fn admit(&self, proven: &Proven) -> String {
        match self.directory.admit(proven) {
            Ok(person) => shown(&person),
            Err(refused) => format!("refused: {refused}"),
        }
    }

    fn by_email(&self, address: &str) -> Option<String> {
        self.directory.by_email(address, at(0)).as_ref().map(shown)
    }
}

fn people() -> People {
    let team = |name: &str, members: &[&str], groups: &[&str]| Team {
        name: name.to_owned(),
        members: members.iter().map(ToString::to_string).collect(),
        groups: groups.iter().map(ToString::to_string).collect(),
        ..Team::default()
    };
    People::new(
        vec![
            team("payments", &["bob", "carol@example.com"], &["oncall"]),
            team("managers", &["dora"], &[]),
        ],
        BTreeMap::new(),
        EscalationDefaults {
            to: None,
            votes: 1,
            within: SignedDuration::from_hours(1),
        },
    )
}

fn listed(name: &str, email: Option<&str>, role: Role) -> Listed {
    Listed {
        name: name.to_owned(),
        email: email.map(ToOwned::to_owned),
        role,
        teams: Vec::new(),
    }
}

fn user(name: &str) -> Proven {
    Proven {
        origin: Origin::User,
        ..oidc(name, None, &[])
    }
}

fn token(name: &str) -> Proven {
    Proven {
        origin: Origin::Token,
        ..oidc(name, None, &[])
    }
}

fn oidc(name: &str, email: Option<&str>, groups: &[&str]) -> Proven {
    Proven {
        origin: Origin::Oidc,
        name: name.to_owned(),
        email: email.map(ToOwned::to_owned),
        groups: groups.iter().map(ToString::to_string).collect(),
    }
}

fn by_proxy(name: &str, email: Option<&str>, groups: &[&str]) -> Proven {
    Proven {
        origin: Origin::Proxy,
        ..oidc(name, email, groups)
    }
}

fn shown(person: &Person) -> String {
    let teams: Vec<&str> = person.teams.iter().map(String::as_str).collect();
    let email = person.email.as_deref().unwrap_or("-");
    format!(
        "{} {email} {} [{}]",
        person.name,
        person.role,
        teams.join(" ")
    )
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

const BOB: &str = "{name: bob, role: approver, email: bob@example.com, teams: [managers, gone], added: 2026-11-22}";

#[test]
fn the_listed_are_what_their_list_says_and_in_their_teams() {
    let desk = Desk::with(BOB);
    assert_eq!(
        desk.admit(&token("alice")),
        "alice alice@example.com admin []"
    );
    // A team that nobody configured is none.
    assert_eq!(
        desk.admit(&user("bob")),
        "bob bob@example.com approver [managers payments]"
    );
    let unknown = "is in no list, no team and no group that may do anything here";
    for nobody in [token("bob"), user("alice"), user("BOB"), token("")] {
        let said = format!("refused: `{}` {unknown}", nobody.name);
        assert_eq!(desk.admit(&nobody), said);
    }
}

#[test]
fn whoever_is_removed_or_demoted_is_so_at_the_next_use() {
    let desk = Desk::with(BOB);
    assert!(desk.directory.person(&user("bob")).is_some());
    desk.write("{name: bob, role: viewer, added: 2026-11-22}");
    assert_eq!(desk.admit(&user("bob")), "bob - viewer [payments]");
    desk.write("");
    assert!(desk.directory.person(&user("bob")).is_none());
}

#[test]
fn groups_give_the_most_that_one_of_them_may() {
    let desk = Desk::with("");
    for (groups, person) in [
        (&["admins", "staff"][..], "erin erin@example.com admin []"),
        (&["staff", "approvers"], "erin erin@example.com approver []"),
        (
            &["staff", "oncall"],
            "erin erin@example.com approver [payments]",
        ),
        (&["staff"], "erin erin@example.com viewer []"),
    ] {
        let erin = oidc("erin", Some("erin@example.com"), groups);
        assert_eq!(desk.admit(&erin), person);
        let erin = by_proxy("erin", Some("erin@example.com"), groups);
        assert_eq!(desk.admit(&erin), person);
    }
    for groups in [&[][..], &["Admins"], &["others", ""]] {
        assert!(desk.directory.person(&oidc("erin", None, groups)).is_none());
    }
}

#[test]
fn members_are_known_by_name_and_by_an_address_that_is_vouched_for() {
    let desk = Desk::with("");
    assert_eq!(
        desk.admit(&oidc("Dora", None, &[])),
        "Dora - approver [managers]"
    );
    let carol = oidc("caro", Some("Carol@Example.com"), &[]);
    assert_eq!(
        desk.admit(&carol),
        "caro Carol@Example.com approver [payments]"
    );
    let carol = oidc("carol@example.com", Some("carol@example.com"), &[]);
    assert_eq!(
        desk.admit(&carol),
        "carol@example.com carol@example.com approver [payments]"
    );
}

#[test]
fn a_name_that_is_an_address_is_not_one_that_was_vouched_for() {
    let desk = Desk::with("");
    for email in [None, Some("mallory@example.com")] {
        let mallory = oidc("carol@example.com", email, &["admins"]);
        assert_eq!(
            desk.admit(&mallory),
            "refused: `carol@example.com` is an e-mail address, and not one that the directory vouches for"
        );
    }
    // A proxy says by its name header who somebody is.
    let carol = by_proxy("carol@example.com", None, &[]);
    assert_eq!(
        desk.admit(&carol),
        "carol@example.com - approver [payments]"
    );
}

#[test]
fn nobody_takes_the_name_or_the_address_of_somebody_who_is_listed() {
    let desk = Desk::with(BOB);
    let taken = [
        oidc("alice", None, &["admins"]),
        oidc("Alice", Some("mallory@example.com"), &["admins"]),
        oidc("ALICE", Some(""), &["admins"]),
        oidc("ci", Some("ci@example.com"), &["admins"]),
        oidc("bob", None, &["admins"]),
        oidc("BOB", Some("alice@example.com"), &["admins"]),
        by_proxy("bob", None, &["admins"]),
        by_proxy("bob@example.com", None, &["admins"]),
        by_proxy(
            "ALICE@example.com",
            Some("mallory@example.com"),
            &["admins"],
        ),
    ];
    for proven in &taken {
        let refused = desk.directory.admit(proven);
        assert!(
            matches!(refused, Err(NotAdmitted::NameTaken(_))),
            "{proven:?}"
        );
    }
    // The same person comes another way.
    let alice = oidc("Alice", Some("ALICE@example.com"), &["staff"]);
    assert_eq!(desk.admit(&alice), "Alice ALICE@example.com viewer []");
    // The name is free again as soon as it is.
    desk.write("");
    assert!(desk.directory.person(&oidc("bob", None, &[])).is_some());
}

#[test]
fn a_name_that_cannot_stand_in_a_record_is_none() {
    let desk = Desk::with("");
    for name in [
        "",
        " ",
        " dora",
        "dora\n",
        "do\u{202e}ra",
        "d\u{43e}ra",
        &"d".repeat(129),
    ] {
        let refused = desk.directory.admit(&oidc(name, None, &["admins"]));
        assert!(matches!(refused, Err(NotAdmitted::Nameless)), "{name:?}");
    }
}

#[test]
fn while_the_users_file_cannot_be_used_only_tokens_are_known() {
    let desk = Desk::with(BOB);
    desk.directory.saw(
        &oidc("erin", Some("erin@example.com"), &["admins"]),
        at(60),
        at(0),
    );
    std::fs::write(&desk.path, "users: [").unwrap();
    assert!(desk.directory.person(&token("alice")).is_some());
    // It may be the name of a listed one, or the address.
    for proven in [
        user("bob"),
        oidc("erin", None, &["admins"]),
        by_proxy("erin", None, &["admins"]),
    ] {
        let refused = desk.directory.admit(&proven);
        assert!(
            matches!(refused, Err(NotAdmitted::Unavailable(_))),
            "{proven:?}"
        );
    }
    for address in ["alice@example.com", "carol@example.com", "erin@example.com"] {
        assert_eq!(desk.by_email(address), None);
    }
}

#[test]
fn mail_is_read_by_the_listed_by_the_seen_and_by_members() {
    let desk = Desk::with(BOB);
    for (address, person) in [
        (
            "ALICE@example.com",
            Some("alice alice@example.com admin []"),
        ),
        (
            " bob@example.com ",
            Some("bob bob@example.com approver [managers payments]"),
        ),
        (
            "carol@example.com",
            Some("carol@example.com carol@example.com approver [payments]"),
        ),
        ("erin@example.com", None),
        ("bob", None),
        ("dora", None),
        ("", None),
    ] {
        assert_eq!(desk.by_email(address).as_deref(), person, "{address}");
    }
}

#[test]
fn a_directory_is_believed_as_long_as_it_vouched_and_by_its_latest_word() {
    let desk = Desk::with("");
    let erin = |groups: &[&str]| oidc("erin", Some("Erin@example.com"), groups);
    let who = |now: i64| {
        desk.directory
            .by_email("erin@EXAMPLE.com", at(now))
            .as_ref()
            .map(shown)
    };
    assert_eq!(who(0), None);
    desk.directory.saw(&erin(&["admins"]), at(60), at(0));
    assert_eq!(who(59).as_deref(), Some("erin Erin@example.com admin []"));
    assert_eq!(who(60), None);
    desk.directory.saw(&erin(&["staff"]), at(90), at(30));
    assert_eq!(who(59).as_deref(), Some("erin Erin@example.com viewer []"));
    desk.directory.saw(&erin(&[]), at(90), at(40));
    assert_eq!(who(59), None);
    // Without an address there is nobody to remember.
    desk.directory
        .saw(&oidc("frank", None, &["admins"]), at(90), at(40));
    assert_eq!(desk.directory.seen.lock().unwrap().len(), 1);
    desk.directory
        .saw(&oidc("gina", Some("g@example.com"), &[]), at(200), at(100));
    assert_eq!(desk.directory.seen.lock().unwrap().len(), 1);
}

#[test]
fn an_address_of_two_is_nobodys_and_of_one_who_is_listed_twice_the_lessers() {
    let desk =
        Desk::with("{name: mallory, role: admin, email: alice@example.com, added: 2026-11-22}");
    assert_eq!(desk.by_email("alice@example.com"), None);
    desk.write("{name: Alice, role: viewer, email: Alice@example.com, added: 2026-11-22}");
    let alice = desk.by_email("alice@example.com");
    assert_eq!(alice.as_deref(), Some("Alice Alice@example.com viewer []"));
    // Somebody else is called what her address is.
    desk.write("{name: alice@example.com, role: viewer, added: 2026-11-22}");
    assert_eq!(desk.by_email("alice@example.com"), None);
}

#[test]
fn whoever_is_listed_under_an_address_is_not_outdone_by_a_member_of_that_address() {
    let desk = Desk::with("{name: carol@example.com, role: viewer, added: 2026-11-22}");
    desk.directory.saw(
        &oidc("carol@example.com", Some("carol@example.com"), &["admins"]),
        at(60),
        at(0),
    );
    assert_eq!(desk.by_email("carol@example.com"), None);
}

/// A list that changes between one question and the next.
struct Fickle(Mutex<BTreeSet<&'static str>>);

impl Known for Fickle {
    fn listed(&self) -> Result<Vec<Listed>, UsersError> {
        let names = std::mem::take(&mut *self.0.lock().unwrap());
        Ok(names
            .iter()
            .map(|name| listed(name, None, Role::Admin))
            .collect())
    }

    fn refused(&self) -> Result<Vec<Refused>, UsersError> {
        Ok(Vec::new())
    }
}

#[test]
fn nothing_of_a_list_is_kept() {
    let users = Arc::new(Fickle(Mutex::new(BTreeSet::from(["bob"]))));
    let directory = Directory::new(
        Arc::new(people()),
        Grants::default(),
        Vec::new(),
        Some(users),
    );
    assert!(directory.person(&user("bob")).is_some());
    assert!(directory.person(&user("bob")).is_none());
}

#[test]
fn while_the_users_file_cannot_be_used_nobody_votes_who_may_be_an_owner_in_it() {
    let mut desk = Desk::with(BOB);
    let owners = BTreeMap::from([
        ("bot".to_owned(), BTreeSet::from(["bob".to_owned()])),
        ("cibot".to_owned(), BTreeSet::from(["CI".to_owned()])),
    ]);
    let people = People::new(Vec::new(), owners, people().defaults().clone());
    desk.directory.people = Arc::new(people);
    let owns = |desk: &Desk, name: &str, agent: &str| {
        let person = desk.directory.person(&token(name)).unwrap();
        desk.directory.people().owns(&person, Some(agent))
    };
    assert!(!owns(&desk, "alice", "bot"), "bob has another address");
    std::fs::write(&desk.path, "users: [").unwrap();
    assert!(owns(&desk, "alice", "bot"), "nobody knows bob's address");
    assert!(
        !owns(&desk, "alice", "cibot"),
        "the holder of a token is somebody else"
    );
}

#[test]
fn whoever_comes_in_by_another_of_their_names_still_owns_their_agents() {
    let desk =
        Desk::with("{name: al, role: approver, email: alice@example.com, added: 2026-01-01}");
    let owners = BTreeMap::from([("bot".to_owned(), BTreeSet::from(["Alice".to_owned()]))]);
    let people = People::new(Vec::new(), owners, people().defaults().clone());
    let owns = |person: &Person| people.owns(person, Some("bot"));
    for proven in [
        token("alice"),
        user("al"),
        oidc(
            "alice@example.com",
            Some("Alice@Example.com"),
            &["approvers"],
        ),
        oidc("asmith", Some("alice@example.com"), &["approvers"]),
        by_proxy("asmith", Some("alice@example.com"), &["approvers"]),
    ] {
        assert!(owns(&desk.directory.admit(&proven).unwrap()), "{proven:?}");
    }
    let bob = oidc("bob", Some("bob@example.com"), &["approvers"]);
    assert!(!owns(&desk.directory.admit(&bob).unwrap()));
}

#[test]
fn an_owner_is_known_by_what_the_directory_last_called_them() {
    let desk = Desk::with("");
    let owners = BTreeMap::from([("bot".to_owned(), BTreeSet::from(["asmith".to_owned()]))]);
    let people = People::new(Vec::new(), owners, people().defaults().clone());
    let alice = || desk.directory.admit(&token("alice")).unwrap();
    assert!(!people.owns(&alice(), Some("bot")));
    let smith = oidc("asmith", Some("alice@example.com"), &["approvers"]);
    desk.directory.saw(&smith, at(60), at(0));
    assert!(people.owns(&alice(), Some("bot")));
    let by_mail = desk.directory.by_email("alice@example.com", at(1)).unwrap();
    assert!(people.owns(&by_mail, Some("bot")));
}

#[test]
fn an_address_that_only_looks_like_that_of_a_member_is_nobodys() {
    let desk = Desk::with("{name: kim, role: admin, email: kim@example.com, added: 2026-01-01}");
    for address in ["\u{212a}im@example.com", "\u{212a}im@Example.com"] {
        assert_eq!(desk.by_email(address), None);
        let refused = desk.admit(&oidc("mallory", Some(address), &[]));
        assert!(refused.starts_with("refused"), "{refused}");
        let mallory = oidc("kim", Some(address), &["approvers"]);
        assert!(desk.admit(&mallory).starts_with("refused"));
    }
}

#[test]
fn nobody_votes_under_the_word_for_what_decides_besides_people() {
    let desk = Desk::with("");
    for name in ["policy", "Deadline", "platform"] {
        let refused = desk.directory.admit(&oidc(name, None, &["admins"]));
        assert!(matches!(refused, Err(NotAdmitted::Nameless)), "{name}");
    }
}

#[test]
fn nobody_is_a_tool_of_a_team() {
    let desk = Desk::with(
        "{name: Payments-Console, role: admin, added: 2026-11-22}, {name: dora, role: admin, email: desk@example.com, added: 2026-11-22}",
    );
    for proven in [
        user("Payments-Console"),
        user("dora"),
        oidc("payments-console", Some("x@example.com"), &["admins"]),
        by_proxy("PAYMENTS-CONSOLE", None, &["admins"]),
        oidc("gina", Some("Desk@example.com"), &["admins"]),
    ] {
        let refused = desk.directory.admit(&proven);
        assert!(
            matches!(refused, Err(NotAdmitted::NameOfTool(_))),
            "{proven:?}: {refused:?}"
        );
    }
    assert_eq!(desk.by_email("desk@example.com"), None);
}

#[test]
fn a_local_user_is_the_holder_of_a_token_only_with_their_address() {
    let desk = Desk::with(
        "{name: CI, role: admin, email: other@example.com, added: 2026-11-22}, {name: Alice, role: viewer, email: alice@example.com, added: 2026-11-22}",
    );
    let refused = desk.directory.admit(&user("CI"));
    assert!(
        matches!(refused, Err(NotAdmitted::NameTaken(_))),
        "{refused:?}"
    );
    assert_eq!(desk.by_email("other@example.com"), None);
    assert!(desk.directory.person(&user("Alice")).is_some());
    assert!(desk.directory.person(&token("ci")).is_some());
}

#[test]
fn nobody_gets_in_as_somebody_whom_the_users_file_refuses() {
    let desk = Desk::with(
        "{name: hana, role: viewer, email: hana@example.com, token: x, added: 2026-11-22}, {name: bob, role: approver, added: 2026-11-22}",
    );
    assert!(desk.directory.person(&user("hana")).is_none());
    assert!(desk.directory.person(&user("bob")).is_some());
    for name in ["Hana", "hana@example.com"] {
        let refused = desk.directory.admit(&by_proxy(name, None, &["admins"]));
        assert!(
            matches!(refused, Err(NotAdmitted::NameTaken(_))),
            "{name}: {refused:?}"
        );
    }
    let herself = oidc("h", Some("hana@example.com"), &["admins"]);
    desk.directory.saw(&herself, at(60), at(0));
    assert_eq!(desk.by_email("hana@example.com"), None);
    // By whichever way she comes in, she owns what she owned.
    let person = desk.directory.person(&herself).unwrap();
    assert!(person.is_called("hana"));
}
