//! Who is asked: teams, their hours, who is asked after them, and whose agents are whose.

use super::*;
use crate::domain::person::Person;
use crate::domain::team::OnDeadline;
use jiff::SignedDuration;

/// Alice, an admin, and `teams`.
fn teams(text: &str) -> String {
    format!("{OPERATOR}teams:\n{text}")
}

fn warned(text: &str) -> Vec<String> {
    let (_, warnings) = good(text);
    let ours = warnings
        .into_iter()
        .filter(|warning| ![code::NO_SOURCES, code::UNKNOWN_PERSON].contains(&warning.code));
    told(&ours.collect::<Vec<_>>())
}

#[test]
fn all_that_is_wrong_with_the_teams_is_shown_at_once() {
    let text = "\
operators:
  tokens: [{name: alice, role: admin, teams: [payment], token: {env: LONG}}]
escalation: {to: payrol}
teams:
  - name: payments
    member: [alice]
    members: [bob smith]
    votes: 0
    within: 30 minutes
    hours: {time_zone: Europe/berlin, days: [mon, tues], from: 9am, to: \"24:00\"}
    then: manager
    on_deadline: approve
    slack: {channel: \"#payments\"}
    email: {to: [alice, Bob <bob@example.com>]}
  - name: managers
    members: [carol]
    then: payments
agents: {owner: {billing-bot: , deploy-bot: [a b]}}
";
    insta::assert_snapshot!(shown(&mistakes(text)), @r##"
    error[C015]: there is no team `payment`
     --> countersign.yaml:2:47
      |
    2 |   tokens: [{name: alice, role: admin, teams: [payment], token: {env: LONG}}]
      |                                               ^^^^^^^
      |
      = help: did you mean `payments`?

    error[C015]: there is no team `payrol`
     --> countersign.yaml:3:18
      |
    3 | escalation: {to: payrol}
      |                  ^^^^^^
      |
      = help: add it under `teams`, or write `payments` or `managers`

    error[C003]: unknown key `member`
     --> countersign.yaml:6:5
      |
    6 |     member: [alice]
      |     ^^^^^^
      |
      = help: did you mean `members`?

    error[C005]: `bob smith` is not a name
     --> countersign.yaml:7:15
      |
    7 |     members: [bob smith]
      |               ^^^^^^^^^
      |
      = help: use 1 to 128 letters, digits and `-._@+:/`

    error[C005]: `0` is not a number that is allowed here
     --> countersign.yaml:8:12
      |
    8 |     votes: 0
      |            ^
      |
      = help: write a whole number from 1 to 100

    error[C005]: `30 minutes` is not a duration
     --> countersign.yaml:9:13
      |
    9 |     within: 30 minutes
      |             ^^^^^^^^^^
      |
      = help: write a number and `ms`, `s`, `m`, `h` or `d`, such as `15m`

    error[C005]: `Europe/berlin` is not a time zone
      --> countersign.yaml:10:24
       |
    10 |     hours: {time_zone: Europe/berlin, days: [mon, tues], from: 9am, to: "24:00"}
       |                        ^^^^^^^^^^^^^
       |
       = help: did you mean `Europe/Berlin`?

    error[C005]: `tues` is not one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`
      --> countersign.yaml:10:51
       |
    10 |     hours: {time_zone: Europe/berlin, days: [mon, tues], from: 9am, to: "24:00"}
       |                                                   ^^^^
       |
       = help: did you mean `tue`?

    error[C005]: `9am` is not a time of day
      --> countersign.yaml:10:64
       |
    10 |     hours: {time_zone: Europe/berlin, days: [mon, tues], from: 9am, to: "24:00"}
       |                                                                ^^^
       |
       = help: write hours and minutes from `00:00` to `23:59`; an end that is not after the beginning is on the next day

    error[C005]: `"24:00"` is not a time of day
      --> countersign.yaml:10:73
       |
    10 |     hours: {time_zone: Europe/berlin, days: [mon, tues], from: 9am, to: "24:00"}
       |                                                                         ^^^^^^^
       |
       = help: write hours and minutes from `00:00` to `23:59`; an end that is not after the beginning is on the next day

    error[C015]: there is no team `manager`
      --> countersign.yaml:11:11
       |
    11 |     then: manager
       |           ^^^^^^^
       |
       = help: did you mean `managers`?

    error[C005]: `approve` is not one of `expire` or `reject`
      --> countersign.yaml:12:18
       |
    12 |     on_deadline: approve
       |                  ^^^^^^^
       |
       = help: write `expire` or `reject`

    warning[C030]: links would lead to 127.0.0.1:8788, where only this machine can go
      --> countersign.yaml:13:12
       |
    13 |     slack: {channel: "#payments"}
       |            ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: say where people reach us: `operators: {url: https://countersign.example.com}`

    error[C017]: this team is told in Slack, and there is no `slack` at the top of the file
      --> countersign.yaml:13:12
       |
    13 |     slack: {channel: "#payments"}
       |            ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: add `slack: {token_file: PATH, signing_secrets: [{file: PATH}]}` there

    error[C005]: `"#payments"` is not the id of a Slack channel
      --> countersign.yaml:13:22
       |
    13 |     slack: {channel: "#payments"}
       |                      ^^^^^^^^^^^
       |
       = help: copy the id at the end of the channel's details in Slack: `C`, `G` or `D` and then capital letters and digits

    error[C017]: this team is told by mail, and there is no `email` at the top of the file
      --> countersign.yaml:14:12
       |
    14 |     email: {to: [alice, Bob <bob@example.com>]}
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: add `email: {host: smtp.example.com, from: approvals@example.com}` there

    error[C005]: `alice` is not an e-mail address
      --> countersign.yaml:14:18
       |
    14 |     email: {to: [alice, Bob <bob@example.com>]}
       |                  ^^^^^
       |
       = help: write it alone, such as `alice@example.com`

    error[C005]: `Bob <bob@example.com>` is not an e-mail address
      --> countersign.yaml:14:25
       |
    14 |     email: {to: [alice, Bob <bob@example.com>]}
       |                         ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write it alone, such as `alice@example.com`

    error[C005]: `billing-bot` has no owner here
      --> countersign.yaml:18:18
       |
    18 | agents: {owner: {billing-bot: , deploy-bot: [a b]}}
       |                  ^^^^^^^^^^^
       |
       = help: write a person's name or e-mail address, or a list of them

    error[C005]: `a b` is not a name
      --> countersign.yaml:18:46
       |
    18 | agents: {owner: {billing-bot: , deploy-bot: [a b]}}
       |                                              ^^^
       |
       = help: use 1 to 128 letters, digits and `-._@+:/`

    warning[C025]: there is no source: nothing can ask
     |
     = help: add one under `sources`; `countersign config default` shows how
    "##);
}

#[test]
fn teams_that_would_ask_each_other_for_ever_are_refused_once() {
    let circle = teams(
        "  - {name: a, members: [x], then: b}\n  - {name: b, members: [x], then: c}\n  - {name: c, members: [x], then: b}\n",
    );
    insta::assert_snapshot!(shown(&mistakes(&circle)), @r#"
    error[C016]: teams are asked in a circle: `b`, then `c`, then `b`
     --> countersign.yaml:4:35
      |
    4 |   - {name: b, members: [x], then: c}
      |                                   ^
      |
      = help: each team is asked once: remove `then` where the question shall end

    warning[C025]: there is no source: nothing can ask
     |
     = help: add one under `sources`; `countersign config default` shows how
    "#);
    assert_eq!(
        only(&teams("  - {name: a, members: [x], then: a}\n")).0,
        "teams are asked in a circle: `a`, then `a`"
    );
    good(&teams(
        "  - {name: a, members: [x], then: c}\n  - {name: b, members: [x], then: c}\n  - {name: c, members: [x]}\n",
    ));
}

#[test]
fn a_team_is_named_as_it_is_written_or_not_at_all() {
    let two = "  - {name: payments, members: [x]}\n  - {name: managers, members: [x]}\n";
    for (text, message, help) in [
        (
            format!("escalation: {{to: Payments}}\n{}", teams(two)),
            "there is no team `Payments`",
            "did you mean `payments`?",
        ),
        (
            format!("escalation: {{to: board}}\n{}", teams(two)),
            "there is no team `board`",
            "add it under `teams`, or write `payments` or `managers`",
        ),
        (
            teams("  - {name: a, members: [x]}\n  - {name: A, members: [x]}\n"),
            "two teams are called `A`",
            "give each a name of its own; case does not count",
        ),
        (
            OPERATOR.replace("role: admin", "role: admin, teams: [payments]"),
            "there is no team `payments`",
            "add it under `teams`",
        ),
    ] {
        assert_eq!(only(&text), (message.to_owned(), help.to_owned()), "{text}");
    }
    // Without teams, the names that policies give mean nothing.
    good(&format!("{OPERATOR}escalation: {{to: payments}}\n"));
    // A team whose name cannot be read may be the one that is meant.
    assert_eq!(
        only(&teams("  - {name: a, members: [x], then: b c}\n")).0,
        "`b c` is not the name of a team"
    );
    assert_eq!(
        only(&teams(
            "  - {name: b c, members: [x]}\n  - {name: a, members: [x], then: b}\n"
        ))
        .0,
        "`b c` is not the name of a team"
    );
}

#[test]
fn a_time_zone_is_written_as_the_database_has_it() {
    let zone = |name: &str| {
        teams(&format!(
            "  - {{name: a, members: [x], hours: {{time_zone: {name}, days: [sun], from: 22:00, to: 06:00}}}}\n"
        ))
    };
    for name in ["Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata"] {
        let (config, _) = good(&zone(name));
        let hours = config.people.team("a").unwrap().hours.clone().unwrap();
        assert_eq!(hours.zone().iana_name(), Some(name));
        // The night from Sunday to Monday.
        assert!(name != "UTC" || hours.contain("2026-11-23T05:59:00Z".parse().unwrap()));
    }
    for (name, help) in [
        ("Europe/berlin", "did you mean `Europe/Berlin`?"),
        ("europe/berlin", "did you mean `Europe/Berlin`?"),
        ("berlin", "did you mean `Europe/Berlin`?"),
        ("New York", "did you mean `America/New_York`?"),
        ("Europe/Berlni", "did you mean `Europe/Berlin`?"),
        (
            "somewhere-else-altogether",
            "write its name in the IANA database, such as `Europe/Berlin` or `UTC`",
        ),
    ] {
        let (message, said) = only(&zone(name));
        assert_eq!(message, format!("`{name}` is not a time zone"));
        assert_eq!(said, help, "{name}");
    }
    for name in ["+02:00", "Etc/Unknown", "../../etc/passwd", "\"\""] {
        assert!(parse(&zone(name)).is_err(), "{name}");
    }
}

#[test]
fn values_of_teams_that_are_none_are_refused() {
    let hours = |text: &str| format!("hours: {{{text}}}");
    for rest in [
        hours("days: [mon], from: 09:00, to: 17:00"),
        hours("time_zone: UTC, from: 09:00, to: 17:00"),
        hours("time_zone: UTC, days: [], from: 09:00, to: 17:00"),
        hours("time_zone: UTC, days: mon, from: 09:00, to: 17:00"),
        hours("time_zone: UTC, days: [monday], from: 09:00, to: 17:00"),
        hours("time_zone: UTC, days: [mon], to: 17:00"),
        hours("time_zone: UTC, days: [mon], from: 09:00"),
        hours("time_zone: UTC, days: [mon], from: 9:00, to: 17:00"),
        hours("time_zone: UTC, days: [mon], from: 09:60, to: 17:00"),
        hours("time_zone: UTC, days: [mon], from: +9:00, to: 17:00"),
        hours("time_zone: UTC, days: [mon], from: 09:00:00, to: 17:00"),
        "votes: 101".to_owned(),
        "votes: -1".to_owned(),
        "within: 0s".to_owned(),
        "within: 1000d".to_owned(),
        "on_deadline: approve".to_owned(),
        "groups: oncall".to_owned(),
        "groups: [\" oncall\"]".to_owned(),
        "groups: [\"on\\ncall\"]".to_owned(),
        "groups: [\"\"]".to_owned(),
        "name: [a]".to_owned(),
    ] {
        let text = teams(&format!("  - {{name: a, members: [x], {rest}}}\n"));
        assert!(parse(&text).is_err(), "{text}");
    }
    for name in ["", ".", "..", "a/b", "a b", "-a", "ü", "a\u{202e}b"] {
        let text = teams(&format!("  - {{name: \"{name}\", members: [x]}}\n"));
        assert!(parse(&text).is_err(), "{text}");
    }
    for text in [
        "teams: payments\n",
        "teams: {payments: {}}\n",
        "teams: [payments]\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_team_is_what_is_written_of_it() {
    let (config, _) = good(&teams(
        "  - {name: payments, members: [Alice, bob@example.com], groups: [/on call], votes: 2, within: 1h30m, then: managers}\n  - {name: managers, groups: [m], on_deadline: reject}\n",
    ));
    let team = config.people.team("payments").unwrap();
    assert_eq!(team.votes, Some(2));
    assert_eq!(team.within, Some(SignedDuration::from_mins(90)));
    assert_eq!(team.then.as_deref(), Some("managers"));
    assert_eq!(team.on_deadline, OnDeadline::Expire);
    let last = config.people.next(Some("payments"), &[]).unwrap();
    assert_eq!(last.on_deadline, OnDeadline::Reject);
    let of = |name: &str, groups: &[String]| config.people.teams_of(name, None, groups).len();
    assert_eq!((of("alice", &[]), of("bob", &[])), (1, 0));
    assert_eq!(of("zoe", &["/on call".to_owned()]), 1);
}

#[test]
fn nobody_votes_on_what_their_own_agent_asks_whoever_they_are_called() {
    let owners = |text: &str| format!("{OPERATOR}agents: {{owner: {text}}}\n");
    let (config, _) = good(&owners(
        "{billing-bot: alice, \"spiffe://x/deploy bot\": [bob, carol@example.com]}",
    ));
    let person = |name: &str, email: Option<&str>| Person {
        name: name.to_owned(),
        email: email.map(ToOwned::to_owned),
        role: Role::Admin,
        teams: BTreeSet::new(),
        also: BTreeSet::new(),
    };
    let owns = |person: &Person, agent| config.people.owns(person, Some(agent));
    assert!(owns(&person("Alice", None), "billing-bot"));
    assert!(owns(
        &person("carol", Some("carol@example.com")),
        "spiffe://x/deploy bot"
    ));
    assert!(!owns(&person("bob", None), "billing-bot"));
    for text in [
        "alice",
        "[alice]",
        "{bot: }",
        "{bot: []}",
        "{bot: {name: alice}}",
        "{bot: a b}",
        "{bot: [a b]}",
        "{bot: alice, Bot: bob}",
    ] {
        assert!(parse(&owners(text)).is_err(), "{text}");
    }
    assert!(parse("agents: {owners: {bot: alice}}\n").is_err());
}

#[test]
fn a_team_that_cannot_answer_is_a_warning() {
    for (text, warnings) in [
        (
            teams("  - name: a\n"),
            vec!["3: nobody is in the team `a`: only admins can answer what it is asked"],
        ),
        (teams("  - {name: a, groups: [g]}\n"), vec![]),
        (
            teams("  - {name: a, members: [bob], votes: 3}\n"),
            vec!["3: the team `a` needs 3 votes, and no more than 2 can be cast"],
        ),
        (teams("  - {name: a, members: [bob], votes: 2}\n"), vec![]),
        (
            teams("  - {name: a, members: [alice], votes: 2}\n"),
            vec!["3: the team `a` needs 2 votes, and no more than 1 can be cast"],
        ),
        (
            teams("  - {name: a, members: [alice]}\n").replace("role: admin", "role: viewer"),
            vec!["3: nobody is in the team `a`: only admins can answer what it is asked"],
        ),
        (
            teams("  - name: a\n").replace("role: admin", "role: approver, teams: [a]"),
            vec![],
        ),
        (
            teams(
                "  - {name: a, members: [x], then: b, on_deadline: reject}\n  - {name: b, members: [x]}\n",
            ),
            vec!["3: this never counts: `b` is asked last, and does not reject"],
        ),
        (
            teams(
                "  - {name: a, members: [x], then: b, on_deadline: reject}\n  - {name: b, members: [x], on_deadline: reject}\n",
            ),
            vec![],
        ),
    ] {
        assert_eq!(warned(&text), warnings, "{text}");
    }
}
