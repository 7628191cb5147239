//! What is refused, and what is said of it.

use super::*;

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
    insta::assert_snapshot!(shown(&mistakes(text)), @r"
    error[C005]: `enforced` is not one of `dry_run` or `enforce`
     --> countersign.yaml:1:7
      |
    1 | mode: enforced
      |       ^^^^^^^^
      |
      = help: did you mean `enforce`?

    error[C003]: unknown key `lisen`
     --> countersign.yaml:2:1
      |
    2 | lisen: 0.0.0.0:1
      | ^^^^^
      |
      = help: did you mean `listen`?

    error[C005]: `localhost` is not an address
     --> countersign.yaml:4:11
      |
    4 |   listen: localhost
      |           ^^^^^^^^^
      |
      = help: write an IP address and a port, such as `127.0.0.1:8787`; `0.0.0.0:8787` is every interface

    error[C005]: `boss` is not one of `viewer`, `approver` or `admin`
     --> countersign.yaml:6:27
      |
    6 |     - {name: alice, role: boss, token: *******, token_file: /run/x}
      |                           ^^^^
      |
      = help: write `viewer`, `approver` or `admin`

    error[C007]: both `token` and `token_file` are given
     --> countersign.yaml:6:61
      |
    6 |     - {name: alice, role: boss, token: *******, token_file: /run/x}
      |                                                             ^^^^^^
      |
      = help: keep one of the two

    error[C005]: `5 seconds` is not a duration
     --> countersign.yaml:7:27
      |
    7 | policies: {budget: {time: 5 seconds}}
      |                           ^^^^^^^^^
      |
      = help: write a number and `ms`, `s`, `m`, `h` or `d`, such as `15m`

    error[C008]: PostgreSQL is not supported yet
     --> countersign.yaml:8:8
      |
    8 | store: ***********************
      |        ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `sqlite://` and the path of a file: `sqlite://countersign.db`, `sqlite:///var/lib/countersign/countersign.db`

    error[C005]: `Refunds` is not the name of a source
      --> countersign.yaml:10:11
       |
    10 |   - name: Refunds
       |           ^^^^^^^
       |
       = help: use 1 to 63 lower-case letters, digits, `-` or `_`

    error[C005]: `tracmem` is not a kind of source
      --> countersign.yaml:11:11
       |
    11 |     kind: tracmem
       |           ^^^^^^^
       |
       = help: did you mean `tracemem`?

    error[C005]: `api.tracemem.com` is not the URL of an API
      --> countersign.yaml:14:14
       |
    14 |     api_url: api.tracemem.com
       |              ^^^^^^^^^^^^^^^^
       |
       = help: write an absolute `https://` URL with no user, password, `?` or `#`

    error[C006]: the environment variable `NOPE` is not set
      --> countersign.yaml:15:17
       |
    15 |     credential: ${NOPE}
       |                 ^^^^^^^
       |
       = help: set it, or write `$${` where a plain `${` is meant

    error[C003]: unknown key `algoritm`
      --> countersign.yaml:17:16
       |
    17 |       - hmac: {algoritm: sha1, secrets: []}
       |                ^^^^^^^^
       |
       = help: did you mean `algorithm`?

    error[C005]: there is no secret here
      --> countersign.yaml:17:41
       |
    17 |       - hmac: {algoritm: sha1, secrets: []}
       |                                         ^^
       |
       = help: write `secrets: [{file: PATH}]`

    error[C005]: `intent` is not a JSON pointer
      --> countersign.yaml:18:22
       |
    18 |     fields: {action: intent}
       |                      ^^^^^^
       |
       = help: write the way to the field, such as `/data/intent`
    ");
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
        "operators: {tokens: [{name: alice, role: boss, token: \"${LONG}hunter2${LONG}\"}]}\n",
        "operators: {tokens: [{name: alice, role: admin, token: {env: hunter2-hunter2}}]}\n",
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
        (
            "lisen: 127.0.0.1:1\n",
            "unknown key `lisen`",
            "did you mean `listen`?",
        ),
        (
            "mode: enforced\n",
            "`enforced` is not one of `dry_run` or `enforce`",
            "did you mean `enforce`?",
        ),
        (
            "log: {level: inof}\n",
            "`inof` is not a log level",
            "did you mean `info`?",
        ),
        (
            "log: {formt: text}\n",
            "unknown key `formt`",
            "did you mean `format`?",
        ),
        (
            "shutdown: {x: 1}\n",
            "unknown key `x`",
            "known here: `grace`",
        ),
        (
            "sources: [{name: a, kind: htp}]\n",
            "`htp` is not a kind of source",
            "did you mean `http`?",
        ),
        (
            "sources: [{name: a, kind: http, api_url: x}]\n",
            "unknown key `api_url`",
            "known here: `name`, `kind`, `mode`, `body_limit`, `rate_limit`, `forward_to` or `tokens`",
        ),
        (
            "sources: [{name: a, kind: tracemem, verify: [{hmc: {}}]}]\n",
            "`hmc` is not a way to verify",
            "did you mean `hmac`?",
        ),
    ] {
        assert_eq!(only(text), (message.to_owned(), help.to_owned()), "{text}");
    }
}

#[test]
fn what_is_not_supported_yet_is_refused_as_that() {
    assert_eq!(
        only("store: postgres://db/x\n").0,
        "PostgreSQL is not supported yet"
    );
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
        "outbox: {timeout: 0s}\n",
        "outbox: {timeout: 2m}\n",
        "outbox: {concurrency: 0}\n",
        "shutdown: {grace: 1d}\n",
        "sources: [{kind: http}]\n",
        "sources: [{name: a}]\n",
        "sources: [{name: A, kind: http}]\n",
        "sources: [{name: a, kind: http, rate_limit: 0}]\n",
        "sources: [{name: a, kind: http, forward_to: /hook}]\n",
        "sources: [{name: a, kind: http, volatile: [/sent_at]}]\n",
        "sources: [{name: a, kind: tracemem, volatile: [sent_at]}]\n",
        "sources: [{name: a, kind: tracemem, fields: {id: /id}}]\n",
        "log: {key: not-64-hexadecimal-digits}\n",
        "sources: [{name: a, kind: tracemem, verify: [{hmac: {signed: \"{timestamp}{body}\", timestamp_header: X, secrets: [{env: LONG}]}}]}]\n",
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
        "sources: [{name: a, kind: tracemem, verify: [{standard_webhooks: {secrets: [\"whsec_\"]}}]}]\n",
        "listen: ${PORT\n",
        "a: 1\na: 2\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_signed_time_needs_its_header_and_a_header_must_be_signed() {
    let hmac = |rest: &str| {
        tracemem(&format!(
            "    verify: [{{hmac: {{secrets: [{{env: LONG}}], {rest}}}}}]\n"
        ))
    };
    assert_eq!(
        only(&hmac("signed: \"{timestamp}.{body}\"")).0,
        "`signed` has `{timestamp}`, but there is no `timestamp_header`"
    );
    assert_eq!(
        only(&hmac("timestamp_header: X-Time")).0,
        "`timestamp_header` is named, but `signed` has no `{timestamp}`"
    );
    assert_eq!(
        only(&hmac("id_header: X-Id")).0,
        "`id_header` is named, but `signed` has no `{id}`"
    );
    good(&hmac(
        "signed: \"v0:{timestamp}:{body}\", timestamp_header: X-Time",
    ));
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
