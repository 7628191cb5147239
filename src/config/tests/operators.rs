//! The ways in which people prove who they are.

use super::*;

fn operators(rest: &str) -> String {
    format!("operators: {{{rest}}}\n")
}

fn codes(text: &str) -> Vec<&'static str> {
    let (_, warnings) = good(text);
    let codes = warnings.iter().map(|warning| warning.code);
    codes.filter(|code| *code != code::NO_SOURCES).collect()
}

const PROXY: &str = "proxy: {addresses: [127.0.0.1, \"10.0.0.0/8\"], user: X-User, secret: {header: X-Secret, secrets: [{env: LONG}]}}";
const OIDC: &str = "oidc: {issuer: \"https://idp.example.com/realms/x/\", client_id: countersign}";
const ROLES: &str = "roles: {viewer: [staff]}";

#[test]
fn all_that_is_wrong_with_the_ways_in_is_shown_at_once() {
    let text = "\
operators:
  url: https://countersign.example.com/inbox/
  tokens:
    - {name: alice, role: admin, email: Alice <alice@example.com>, token: hunter2hunter2hunter2}
  session: {lifetime: 90d, key: hunter2}
  roles: {admins: [ops]}
  proxy:
    addresses: [proxy.internal, 0.0.0.0/0, 10.1.2.3/8]
    user: X Forwarded User
    email: X-Forwarded-Email
    groups: x-forwarded-email
  oidc: {issuer: http://idp.example.com, client_secret: hunter2hunter2, scopes: [a b]}
";
    let all = mistakes(text);
    assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
    insta::assert_snapshot!(shown(&all), @r#"
    error[C005]: `https://countersign.example.com/inbox/` says more than scheme, host and port
     --> countersign.yaml:2:8
      |
    2 |   url: https://countersign.example.com/inbox/
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `https://countersign.example.com`

    error[C005]: `Alice <alice@example.com>` is not an e-mail address
     --> countersign.yaml:4:41
      |
    4 |     - {name: alice, role: admin, email: Alice <alice@example.com>, token: *********************}
      |                                         ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write it alone, such as `alice@example.com`

    error[C005]: `90d` is out of bounds
     --> countersign.yaml:5:23
      |
    5 |   session: {lifetime: 90d, key: *******}
      |                       ^^^
      |
      = help: write a duration from 60s to 2592000s

    warning[C020]: this secret is shorter than 16 bytes and can be guessed
     --> countersign.yaml:5:33
      |
    5 |   session: {lifetime: 90d, key: *******}
      |                                 ^^^^^^^
      |
      = help: make one with `openssl rand -hex 32`

    error[C005]: the key of `operators.session` is not 64 hexadecimal digits
     --> countersign.yaml:5:33
      |
    5 |   session: {lifetime: 90d, key: *******}
      |                                 ^^^^^^^
      |
      = help: make one with `openssl rand -hex 32`

    error[C003]: unknown key `admins`
     --> countersign.yaml:6:11
      |
    6 |   roles: {admins: [ops]}
      |           ^^^^^^
      |
      = help: did you mean `admin`?

    error[C004]: `secret` is missing
     --> countersign.yaml:8:5
      |
    8 |     addresses: [proxy.internal, 0.0.0.0/0, 10.1.2.3/8]
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: an address alone proves nothing: `secret: {header: X-Proxy-Secret, secrets: [{file: PATH}]}`

    error[C005]: `proxy.internal` is neither an address nor a range of them
     --> countersign.yaml:8:17
      |
    8 |     addresses: [proxy.internal, 0.0.0.0/0, 10.1.2.3/8]
      |                 ^^^^^^^^^^^^^^
      |
      = help: write an address such as `127.0.0.1` or a range such as `10.0.0.0/8`

    error[C005]: `0.0.0.0/0` is every address there is
     --> countersign.yaml:8:33
      |
    8 |     addresses: [proxy.internal, 0.0.0.0/0, 10.1.2.3/8]
      |                                 ^^^^^^^^^
      |
      = help: name the addresses that the proxy connects from

    error[C005]: `10.1.2.3/8` is not the beginning of its range
     --> countersign.yaml:8:44
      |
    8 |     addresses: [proxy.internal, 0.0.0.0/0, 10.1.2.3/8]
      |                                            ^^^^^^^^^^
      |
      = help: write `10.0.0.0/8` or `10.1.2.3`

    error[C005]: `X Forwarded User` is not the name of a header
     --> countersign.yaml:9:11
      |
    9 |     user: X Forwarded User
      |           ^^^^^^^^^^^^^^^^
      |
      = help: write a name such as `X-Webhook-Signature`

    error[C012]: two things are read from the header `x-forwarded-email`
      --> countersign.yaml:11:13
       |
    11 |     groups: x-forwarded-email
       |             ^^^^^^^^^^^^^^^^^
       |
       = help: give each a header of its own

    error[C004]: `client_id` is missing
      --> countersign.yaml:12:9
       |
    12 |   oidc: {issuer: http://idp.example.com, client_secret: **************, scopes: [a b]}
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write what the directory calls us

    error[C005]: `http://idp.example.com` is not a directory that can be believed
      --> countersign.yaml:12:18
       |
    12 |   oidc: {issuer: http://idp.example.com, client_secret: **************, scopes: [a b]}
       |                  ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write an `https://` URL with no user, password, `?` or `#`, as the directory's tokens name it; plain `http` is for loopback

    warning[C020]: this secret is shorter than 16 bytes and can be guessed
      --> countersign.yaml:12:57
       |
    12 |   oidc: {issuer: http://idp.example.com, client_secret: **************, scopes: [a b]}
       |                                                         ^^^^^^^^^^^^^^
       |
       = help: make one with `openssl rand -hex 32`

    error[C005]: `a b` is not a scope
      --> countersign.yaml:12:82
       |
    12 |   oidc: {issuer: http://idp.example.com, client_secret: **************, scopes: [a b]}
       |                                                                                  ^^^
       |
       = help: write one word, such as `email`

    warning[C025]: there is no source: nothing can ask
     |
     = help: add one under `sources`; `countersign config default` shows how
    "#);
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let url = |text: &str| {
        operators(&format!(
            "url: \"{text}\", tokens: [{{name: a, role: admin, token: {{env: LONG}}}}]"
        ))
    };
    for (text, read) in [
        (
            "https://countersign.example.com",
            "https://countersign.example.com",
        ),
        (
            "https://Countersign.Example.com:443",
            "https://countersign.example.com",
        ),
        ("http://localhost:8788", "http://localhost:8788"),
        ("http://[::1]:8788", "http://[::1]:8788"),
    ] {
        let (config, _) = good(&url(text));
        assert_eq!(config.operators.url.as_deref(), Some(read));
        assert!(codes(&url(text)).is_empty(), "{text}");
    }
    assert_eq!(
        codes(&url("http://countersign.internal")),
        [code::CLEAR_TEXT]
    );
    for text in [
        "https://a.example/",
        "https://a.example/x",
        "https://a.example?",
        "https://a.example?x=1",
    ] {
        assert_eq!(only(&url(text)).1, "write `https://a.example`", "{text}");
    }
    for text in [
        "",
        "a.example",
        "//a.example",
        "ftp://a.example",
        "https://me:hunter2@a.example",
        "https://a.example#x",
        "javascript:alert(1)",
    ] {
        let all = mistakes(&url(text));
        assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
    }
}

#[test]
fn what_is_kept_beside_the_database_follows_it_unless_it_is_written() {
    let (config, _) = good("store: sqlite:///var/lib/cs/x.db\n");
    assert_eq!(
        config.operators.users,
        Path::new("/var/lib/cs/x.db.users.yaml")
    );
    let key = &config.operators.session.key;
    assert!(matches!(key, LogKey::Beside(path) if path == Path::new("/var/lib/cs/x.db.session")));
    let digits = "0123456789abcdef".repeat(4);
    let text = format!(
        "store: sqlite:///var/lib/cs/x.db\noperators: {{users: /etc/users.yaml, session: {{lifetime: 30m, key: \"{digits}\"}}}}\n"
    );
    let (config, _) = good(&text);
    assert_eq!(config.operators.users, Path::new("/etc/users.yaml"));
    assert_eq!(config.operators.session.lifetime, Duration::from_mins(30));
    assert!(matches!(config.operators.session.key, LogKey::Given(_)));
    assert_eq!(
        only("operators: {session: {key: not-64-hexadecimal-digits}}\n").0,
        "the key of `operators.session` is not 64 hexadecimal digits"
    );
    for lifetime in ["0s", "59s", "31d"] {
        assert!(parse(&operators(&format!("session: {{lifetime: {lifetime}}}"))).is_err());
    }
}

#[test]
fn a_proxy_is_known_by_its_address_and_its_secret() {
    let (config, _) = good(&operators(&format!("{PROXY}, {ROLES}")));
    let proxy = config.operators.proxy.unwrap();
    let ranges: Vec<_> = proxy.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(ranges, ["127.0.0.1/32", "10.0.0.0/8"]);
    assert!(proxy.email_header.is_none() && proxy.groups_header.is_none());
    assert_eq!(config.operators.grants.viewer, ["staff"]);
    for (from, to) in [
        (", secret: {header: X-Secret, secrets: [{env: LONG}]}", ""),
        ("secrets: [{env: LONG}]", "secrets: []"),
        ("header: X-Secret, ", ""),
        ("header: X-Secret", "header: x-user"),
        ("user: X-User, ", ""),
        ("user: X-User", "user: \"X User\""),
        ("user: X-User", "user: X-User, email: \"é\""),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "[]"),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "127.0.0.1"),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "[localhost]"),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "[10.0.0.0/33]"),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "[\"::/0\"]"),
        ("[127.0.0.1, \"10.0.0.0/8\"]", "[127.0.0.1:80]"),
        ("addresses: [127.0.0.1, \"10.0.0.0/8\"], ", ""),
    ] {
        let text = operators(&format!("{}, {ROLES}", PROXY.replace(from, to)));
        assert!(
            text.len() != operators(&format!("{PROXY}, {ROLES}")).len(),
            "{from}"
        );
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn a_directory_is_believed_where_nobody_on_the_way_could_speak_for_it() {
    let (config, _) = good(&operators(&format!("{OIDC}, {ROLES}")));
    let oidc = config.operators.oidc.unwrap();
    assert_eq!(
        oidc.issuer, "https://idp.example.com/realms/x/",
        "to the letter"
    );
    assert_eq!(oidc.scopes, ["email", "profile"]);
    assert_eq!(
        (oidc.name_claim.as_str(), oidc.groups_claim.as_str()),
        ("email", "groups")
    );
    assert!(oidc.client_secret.is_none());
    let loopback = OIDC.replace("https://idp.example.com", "http://127.0.0.1:5556");
    let (config, _) = good(&operators(&format!(
        "{ROLES}, {}",
        loopback.replace(
            "client_id",
            "scopes: [openid, groups], client_secret: {env: LONG}, client_id"
        )
    )));
    let oidc = config.operators.oidc.unwrap();
    assert_eq!(oidc.scopes, ["groups"], "openid is asked for anyway");
    assert!(oidc.client_secret.is_some());
    for (from, to) in [
        (
            "https://idp.example.com/realms/x/",
            "http://idp.example.com",
        ),
        (
            "https://idp.example.com/realms/x/",
            "https://idp.example.com/?x=1",
        ),
        (
            "https://idp.example.com/realms/x/",
            "https://me:hunter2@idp.example.com",
        ),
        ("https://idp.example.com/realms/x/", "idp.example.com"),
        (", client_id: countersign", ""),
        ("client_id: countersign", "client_id: \"\""),
        (
            "client_id: countersign",
            "client_id: c, client_secret: {env: EMPTY}",
        ),
        (
            "client_id: countersign",
            "client_id: c, client_secret: {env: LONG}, client_secret_file: x",
        ),
        ("client_id: countersign", "client_id: c, scopes: email"),
        (
            "client_id: countersign",
            "client_id: c, scopes: [\"email profile\"]",
        ),
        ("client_id: countersign", "client_id: c, name: \"\""),
    ] {
        let all = mistakes(&operators(&format!("{}, {ROLES}", OIDC.replace(from, to))));
        assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
    }
}

#[test]
fn beyond_loopback_there_must_be_a_way_to_prove_who_one_is() {
    let open = "listen: 0.0.0.0:8788";
    let (message, help) = only(&operators(open));
    assert!(message.ends_with("and nobody there could prove who they are"));
    for way in [
        "`operators.tokens`",
        "`operators.proxy`",
        "`operators.oidc`",
        "`countersign user add`",
    ] {
        assert!(help.contains(way), "{help}");
    }
    let url = "url: https://a.example";
    for way in [PROXY, OIDC] {
        assert!(codes(&operators(&format!("{open}, {url}, {way}, {ROLES}"))).is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.yaml");
    let with_users = operators(&format!("{open}, users: \"{}\"", file.display()));
    assert!(parse(&with_users).is_err(), "there is no file");
    std::fs::write(&file, "").unwrap();
    assert!(parse(&with_users).is_err(), "there is nobody in it");
    std::fs::write(&file, "users: []\n").unwrap();
    good(&with_users);
}

#[test]
fn two_operators_are_two_people() {
    let tokens = |one: &str, two: &str| {
        operators(&format!(
            "tokens: [{{role: admin, token: {{env: LONG}}, {one}}}, {{role: admin, token: {{env: OTHER}}, {two}}}]"
        ))
    };
    for (one, two, message) in [
        (
            "name: alice",
            "name: Alice",
            "two operators are called `Alice`",
        ),
        (
            "name: alice, email: a@example.com",
            "name: bob, email: A@example.com",
            "two operators are known as `A@example.com`",
        ),
        (
            "name: a@example.com",
            "name: bob, email: a@example.com",
            "two operators are known as `a@example.com`",
        ),
    ] {
        assert_eq!(only(&tokens(one, two)).0, message);
    }
    good(&tokens(
        "name: a@example.com, email: a@example.com",
        "name: b",
    ));
    for email in [
        "alice",
        "a@",
        "@b",
        "a b@c.example",
        "a@b.example, c@d.example",
        "a@b.example\\r\\nBcc: x@y.example",
        "<a@b.example>",
    ] {
        let text = tokens(&format!("name: a, email: \"{email}\""), "name: b");
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn who_would_not_get_in_and_what_leads_nowhere_is_a_warning() {
    assert_eq!(codes(&operators(PROXY)), [code::NOBODY]);
    assert_eq!(
        codes(&operators(&format!("{OIDC}, {ROLES}"))),
        [code::NO_URL],
        "it could come back to loopback only"
    );
    let team = "teams: [{name: a, groups: [g]}]\n";
    assert!(codes(&format!("{}{team}", operators(PROXY))).is_empty());
}
