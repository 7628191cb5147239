//! Where teams are told, and what they are told by.

use super::*;
use crate::notify::SmtpSecurity;

const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A team that is told at `channel`, with `rest` at the top of the file.
fn told_at(channel: &str, rest: &str) -> String {
    format!("{OPERATOR}teams: [{{name: payments, members: [bob], {channel}}}]\n{rest}")
}

fn webhook(rest: &str) -> String {
    told_at(
        &format!("webhook: {{url: \"https://c.example/hook\", secrets: [{WHSEC}]{rest}}}"),
        "",
    )
}

fn mail(rest: &str) -> String {
    format!("{OPERATOR}email: {{{rest}}}\n")
}

const SLACK: &str = "slack: {token: {env: LONG}, signing_secrets: [{env: OTHER}]}\n";

#[test]
fn all_that_is_wrong_with_what_teams_are_told_by_is_shown_at_once() {
    let text = "\
operators: {tokens: [{name: alice, role: admin, token: {env: LONG}}]}
teams:
  - name: payments
    members: [bob]
    slack: {channel: C0123ABCD}
    webhook:
      url: https://me:hunter2@console.example.com
      secrets: [whsec_hunter2!]
      decisions: {by: Bob, secrets: [hunter2hunter2hunter2!]}
  - name: managers
    members: [carol]
    email: {to: []}
    webhook: {url: https://c.example, secrets: [whsec_hunter2!], decisions: {by: Bob, secrets: [{env: LONG}]}}
email: {host: smtp.example.com, security: plain, user: bot, from: \"x\\r\\nBcc: <a@b.example>\"}
";
    let all = mistakes(text);
    assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
    insta::assert_snapshot!(shown(&all), @r#"
    warning[C030]: links would lead to 127.0.0.1:8788, where only this machine can go
     --> countersign.yaml:5:12
      |
    5 |     slack: {channel: C0123ABCD}
      |            ^^^^^^^^^^^^^^^^^^^^
      |
      = help: say where people reach us: `operators: {url: https://countersign.example.com}`

    error[C017]: this team is told in Slack, and there is no `slack` at the top of the file
     --> countersign.yaml:5:12
      |
    5 |     slack: {channel: C0123ABCD}
      |            ^^^^^^^^^^^^^^^^^^^^
      |
      = help: add `slack: {token_file: PATH, signing_secrets: [{file: PATH}]}` there

    error[C005]: `***` is not a URL
     --> countersign.yaml:7:12
      |
    7 |       url: **************************************
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write an absolute `https://` URL with no user, password or `#`

    warning[C020]: this secret is shorter than 16 bytes and can be guessed
     --> countersign.yaml:8:17
      |
    8 |       secrets: [**************]
      |                 ^^^^^^^^^^^^^^
      |
      = help: make one with `openssl rand -hex 32`

    error[C005]: there is no address here
      --> countersign.yaml:12:17
       |
    12 |     email: {to: []}
       |                 ^^
       |
       = help: write `email: {to: [alice@example.com]}`

    error[C005]: one of these secrets is not `whsec_` and base64
      --> countersign.yaml:13:48
       |
    13 |     webhook: {url: https://c.example, secrets: [**************], decisions: {by: Bob, secrets: [{env: LONG}]}}
       |                                                ^^^^^^^^^^^^^^^^
       |
       = help: make one with `echo whsec_$(openssl rand -base64 32)`

    warning[C020]: this secret is shorter than 16 bytes and can be guessed
      --> countersign.yaml:13:49
       |
    13 |     webhook: {url: https://c.example, secrets: [**************], decisions: {by: Bob, secrets: [{env: LONG}]}}
       |                                                 ^^^^^^^^^^^^^^
       |
       = help: make one with `openssl rand -hex 32`

    error[C012]: `Bob` is a person, and a tool is a voter of its own
      --> countersign.yaml:13:82
       |
    13 |     webhook: {url: https://c.example, secrets: [**************], decisions: {by: Bob, secrets: [{env: LONG}]}}
       |                                                                                  ^^^
       |
       = help: give the tool a name that nobody has

    error[C012]: one of these secrets is given to somebody else too
      --> countersign.yaml:13:96
       |
    13 |     webhook: {url: https://c.example, secrets: [**************], decisions: {by: Bob, secrets: [{env: LONG}]}}
       |                                                                                                ^^^^^^^^^^^^^
       |
       = help: a secret says who speaks: make one for each that nobody else has

    error[C005]: one of these secrets is not `whsec_` and base64
      --> countersign.yaml:13:96
       |
    13 |     webhook: {url: https://c.example, secrets: [**************], decisions: {by: Bob, secrets: [{env: LONG}]}}
       |                                                                                                ^^^^^^^^^^^^^
       |
       = help: make one with `echo whsec_$(openssl rand -base64 32)`

    error[C004]: `password` is missing
      --> countersign.yaml:14:8
       |
    14 | email: {host: smtp.example.com, security: plain, user: bot, from: "x\r\nBcc: <a@b.example>"}
       |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `password_file: PATH`

    error[C018]: mail, with links to vote by, would go to `smtp.example.com` in the clear
      --> countersign.yaml:14:43
       |
    14 | email: {host: smtp.example.com, security: plain, user: bot, from: "x\r\nBcc: <a@b.example>"}
       |                                           ^^^^^
       |
       = help: write `tls` or `starttls`; `plain` is for a server on this machine

    error[C005]: `"x\r\nBcc: <a@b.example>"` is not a sender
      --> countersign.yaml:14:67
       |
    14 | email: {host: smtp.example.com, security: plain, user: bot, from: "x\r\nBcc: <a@b.example>"}
       |                                                                   ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `approvals@example.com` or `countersign <approvals@example.com>`

    warning[C025]: there is no source: nothing can ask
     |
     = help: add one under `sources`; `countersign config default` shows how
    "#);
}

#[test]
fn a_team_is_told_at_every_channel_that_is_written() {
    let text = told_at(
        &format!(
            "slack: {{channel: C0123ABCD}}, email: {{to: [bob@example.com]}}, webhook: {{url: \"https://c.example/hook\", secrets: [{WHSEC}, {OTHER_WHSEC}]}}"
        ),
        &format!(
            "{SLACK}email: {{host: localhost, security: plain, from: \"Approvals <a@b.example>\"}}\n"
        ),
    );
    let (config, _) = good(&text);
    let names: Vec<_> = config
        .notify
        .channels
        .iter()
        .map(|channel| channel.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["payments/slack", "payments/email", "payments/webhook"]
    );
    let of_team: Vec<_> = config
        .people
        .channels(Some("payments"))
        .iter()
        .map(ChannelName::as_str)
        .collect();
    assert_eq!(of_team, names);
    let slack = config.notify.slack.as_ref().unwrap();
    assert_eq!(slack.api_url.host(), "slack.com");
    let email = config.notify.email.as_ref().unwrap();
    assert_eq!(
        (email.port, email.security, email.login.is_none()),
        (25, SmtpSecurity::Plain, true)
    );
    assert_eq!(email.from, "Approvals <a@b.example>");
    assert!(!format!("{config:?}").contains("MfKQ9r8"));
}

#[test]
fn a_team_is_told_only_by_what_is_set_up() {
    assert!(
        only(&told_at("slack: {channel: C0123ABCD}", ""))
            .0
            .contains("there is no `slack`")
    );
    assert!(
        only(&told_at("email: {to: [bob@example.com]}", ""))
            .0
            .contains("there is no `email`")
    );
    // What is written and cannot be read is one mistake, not two.
    assert_eq!(
        only(&told_at(
            "slack: {channel: C0123ABCD}",
            "slack: {token: {env: LONG}}\n"
        ))
        .0,
        "`signing_secrets` is missing"
    );
    for channel in [
        "c0123abcd",
        "\"#general\"",
        "general",
        "U0123ABCD",
        "C",
        "C0123/../x",
        "C0123\u{202e}X",
    ] {
        let text = told_at(&format!("slack: {{channel: {channel}}}"), SLACK);
        assert!(parse(&text).is_err(), "{channel}");
    }
    for channel in ["C0123ABCD", "G0123ABCD", "D0123ABCD"] {
        good(&told_at(&format!("slack: {{channel: {channel}}}"), SLACK));
    }
    for rest in [
        "token: {env: LONG}, signing_secrets: []",
        "signing_secrets: [{env: OTHER}]",
        "token: {env: LONG}, signing_secrets: [{env: OTHER}], api_url: slack.com",
    ] {
        assert!(parse(&format!("slack: {{{rest}}}\n")).is_err(), "{rest}");
    }
}

#[test]
fn mail_leaves_encrypted_or_not_at_all() {
    let from = "from: a@b.example";
    for (security, port, kind) in [
        ("", 465, SmtpSecurity::Tls),
        (", security: tls", 465, SmtpSecurity::Tls),
        (", security: starttls", 587, SmtpSecurity::StartTls),
        (
            ", security: starttls, port: 2525",
            2525,
            SmtpSecurity::StartTls,
        ),
    ] {
        let (config, _) = good(&mail(&format!("host: smtp.example.com, {from}{security}")));
        let email = config.notify.email.unwrap();
        assert_eq!((email.port, email.security), (port, kind));
    }
    for host in ["localhost", "127.0.0.1", "\"::1\""] {
        good(&mail(&format!("host: {host}, security: plain, {from}")));
    }
    for host in [
        "smtp.example.com",
        "10.0.0.1",
        "localhost.example.com",
        "0.0.0.0",
    ] {
        let all = mistakes(&mail(&format!("host: {host}, security: plain, {from}")));
        assert_eq!(all[0].code, code::CLEAR_MAIL, "{host}");
    }
    let (config, _) = good(&mail(&format!(
        "host: h.example, user: bot, password: {{env: OTHER}}, {from}"
    )));
    assert_eq!(config.notify.email.unwrap().login.unwrap().0, "bot");
    for rest in [
        "host: h.example".to_owned(),
        from.to_owned(),
        format!("host: \"https://h.example\", {from}"),
        format!("host: \"h.example:25\", {from}"),
        format!("host: \"\", {from}"),
        format!("host: h.example, port: 0, {from}"),
        format!("host: h.example, port: 65536, {from}"),
        format!("host: h.example, security: ssl, {from}"),
        format!("host: h.example, user: bot, {from}"),
        format!("host: h.example, password: {{env: OTHER}}, {from}"),
        format!("host: h.example, user: \"b\\r\\nx\", password: {{env: OTHER}}, {from}"),
    ] {
        assert!(parse(&mail(&rest)).is_err(), "{rest}");
    }
}

#[test]
fn a_sender_is_one_address_and_begins_no_other_header() {
    for from in [
        "a@b.example",
        "<a@b.example>",
        "Approvals <a@b.example>",
        "\\\"Approvals, Inc\\\" <a@b.example>",
    ] {
        good(&mail(&format!("host: h.example, from: \"{from}\"")));
    }
    for from in [
        "",
        "a",
        "a@",
        "a@b.example, c@d.example",
        "A <a@b.example> <c@d.example>",
        "A <a@b.example",
        "A <a@b.example>\\r\\nBcc: c@d.example",
        "A\\nBcc: x <a@b.example>",
        "A <a@b.example> x",
    ] {
        let text = mail(&format!("host: h.example, from: \"{from}\""));
        assert!(parse(&text).is_err(), "{from}");
    }
}

#[test]
fn mail_goes_to_addresses_that_are_one_reader_each() {
    let to = |list: &str| {
        told_at(
            &format!("email: {{to: {list}}}"),
            "email: {host: h.example, from: a@b.example}\n",
        )
    };
    good(&to("[a@b.example, c@d.example]"));
    for list in [
        "[]",
        "a@b.example",
        "[a@b.example, A@B.example]",
        "[\"A <a@b.example>\"]",
        "[\"a@b.example\\r\\nBcc: c@d.example\"]",
        "[\"a b@c.example\"]",
        "[\"\\\"a\\\"@b.example\"]",
        "[a@b.example;c@d.example]",
    ] {
        assert!(parse(&to(list)).is_err(), "{list}");
    }
}

#[test]
fn a_webhook_is_signed_with_a_key() {
    let (config, _) = good(&webhook(&format!(
        ", decisions: {{by: console, secrets: [{OTHER_WHSEC}]}}"
    )));
    let ChannelKind::Webhook(settings) = &config.notify.channels[0].kind else {
        panic!("it is a webhook")
    };
    assert_eq!(settings.decisions.as_ref().unwrap().by, "console");
    for secret in ["whsec_", "\"whsec_!!!not-base64\"", "not base64"] {
        let text = webhook("").replace(WHSEC, secret);
        assert!(
            only(&text).0.contains("is not `whsec_` and base64"),
            "{text}"
        );
        let text = webhook(&format!(
            ", decisions: {{by: console, secrets: [{secret}]}}"
        ));
        assert!(
            only(&text).0.contains("is not `whsec_` and base64"),
            "{text}"
        );
    }
    for rest in [
        ", decisions: {}",
        ", decisions: {by: console}",
        ", decisions: {by: console, secrets: []}",
        ", decisions: {secrets: [{env: LONG}]}",
        ", decisions: {by: a b, secrets: [{env: LONG}]}",
    ] {
        assert!(parse(&webhook(rest)).is_err(), "{rest}");
    }
    for (from, to) in [
        ("https://c.example/hook", "ftp://c.example"),
        ("https://c.example/hook", "/hook"),
        ("url: \"https://c.example/hook\", ", ""),
    ] {
        assert!(parse(&webhook("").replace(from, to)).is_err(), "{to}");
    }
    let (_, warnings) = good(&webhook("").replace("https://c", "http://c"));
    assert!(
        warnings
            .iter()
            .any(|warning| warning.code == code::CLEAR_TEXT)
    );
}

#[test]
fn a_tool_is_one_voter_and_nobody_else() {
    let by = |name: &str| {
        webhook(&format!(
            ", decisions: {{by: {name}, secrets: [{OTHER_WHSEC}]}}"
        ))
    };
    for name in ["alice", "ALICE", "bob", "Bob"] {
        assert_eq!(
            only(&by(name)).0,
            format!("`{name}` is a person, and a tool is a voter of its own")
        );
    }
    let known = by("a@b.example").replace("name: alice,", "name: alice, email: A@b.example,");
    assert!(only(&known).0.contains("is a person"));
    let two = format!(
        "{OPERATOR}teams:\n  - {{name: a, webhook: {{url: \"https://c.example\", secrets: [{WHSEC}], decisions: {{by: console, secrets: [{OTHER_WHSEC}]}}}}}}\n  - {{name: b, webhook: {{url: \"https://d.example\", secrets: [{WHSEC}], decisions: {{by: Console, secrets: [whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhdCBhbGw=]}}}}}}\n"
    );
    assert_eq!(only(&two).0, "two tools vote as `Console`");
    let one_secret = two.replace("by: Console", "by: other").replace(
        "whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhdCBhbGw=",
        OTHER_WHSEC.trim_start_matches("whsec_"),
    );
    assert_eq!(
        only(&one_secret).0,
        "one of these secrets is given to somebody else too"
    );
}

#[test]
fn a_secret_that_says_who_speaks_is_nobody_elses() {
    for text in [
        format!("{OPERATOR}slack: {{token: {{env: OTHER}}, signing_secrets: [{{env: LONG}}]}}\n"),
        "operators: {tokens: [{name: a, role: admin, token: {env: LONG}}], roles: {admin: [g]}, proxy: {addresses: [127.0.0.1], user: X-User, secret: {header: X-Secret, secrets: [{env: OTHER}, {env: LONG}]}}}\n".to_owned(),
    ] {
        assert_eq!(only(&text).0, "one of these secrets is given to somebody else too");
    }
    let both_ways = webhook(&format!(", decisions: {{by: console, secrets: [{WHSEC}]}}"));
    let (_, warnings) = good(&both_ways);
    assert!(
        warnings
            .iter()
            .any(|warning| warning.code == code::SHARED_SECRET)
    );
    let digits = "0123456789abcdef".repeat(4);
    let (_, warnings) = good(&format!(
        "log: {{key: \"{digits}\"}}\noperators: {{session: {{key: \"{digits}\"}}}}\n"
    ));
    assert!(
        warnings
            .iter()
            .any(|warning| warning.code == code::SHARED_SECRET)
    );
    let (_, warnings) = good(&format!(
        "{OPERATOR}slack: {{token: short, signing_secrets: [short-too]}}\n"
    ));
    let short = warnings
        .iter()
        .filter(|warning| warning.code == code::SHORT_SECRET);
    assert_eq!(short.count(), 2);
}
