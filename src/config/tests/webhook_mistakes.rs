//! What is wrong with a described platform, and what is said of it.

use super::webhooks::{warden, webhook};
use super::*;

/// What every webhook source needs, below which a test writes its own.
pub(super) const FIELDS: &str = "    fields: {id: /id, action: /action}\n";
const SIGNED: &str = "    verify: [{hmac: {header: X-Sig, secrets: [{env: LONG}]}}]\n    auth: {bearer: {env: OTHER}}\n";

pub(super) fn enforced(rest: &str) -> String {
    webhook(&format!("    mode: enforce\n{FIELDS}{SIGNED}{rest}"))
}

fn answer(call: &str) -> String {
    webhook(&format!(
        "{FIELDS}    answer: {{approve: {call}, reject: {{url: https://a.example/x}}}}\n"
    ))
}

#[test]
fn all_mistakes_of_a_described_platform_are_shown_at_once() {
    let text = "\
operators: {tokens: [{name: alice, role: admin, token: {env: LONG}}]}
sources:
  - name: pay
    kind: webhook
    mode: enforce
    verify: [{hmac: {secrets: [{env: LONG}]}}]
    event: {at: event, request: [], resolved: [done], header: X-Event}
    fields: {id: {value: 7}, actoin: /action, agent: /agent}
    forward: all
    auth: {bearer: hunter2hunter2hunter2, basic: {user: u}}
    confirm:
      request: {method: get, url: \"{api_url}/r/{rationale}\"}
      id: /id
      pages: {cursor: /next}
    reconcile: 5m
    callback_hosts: [\"*.example.com\"]
    answer:
      approve: {url: \"https://{agent}.example.com/\", body: {reason: {rationale}, who: \"{agnet}\"}}
      status: {done: [200], already: [200, 1000]}
    acknowledge: {enforce: {status: mine}}
";
    insta::assert_snapshot!(shown(&mistakes(text)), @r#"
    error[C004]: `header` is missing
     --> countersign.yaml:6:21
      |
    6 |     verify: [{hmac: {secrets: [{env: LONG}]}}]
      |                     ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name the header that holds the signature: `header: X-Signature`

    error[C005]: no event asks
     --> countersign.yaml:7:33
      |
    7 |     event: {at: event, request: [], resolved: [done], header: X-Event}
      |                                 ^^
      |
      = help: name the events that ask, or remove `event` if every delivery does

    error[C007]: both `at` and `header` are given
     --> countersign.yaml:7:63
      |
    7 |     event: {at: event, request: [], resolved: [done], header: X-Event}
      |                                                               ^^^^^^^
      |
      = help: keep one of the two

    error[C005]: two requests would have the same id
     --> countersign.yaml:8:18
      |
    8 |     fields: {id: {value: 7}, actoin: /action, agent: /agent}
      |                  ^^^^^^^^^^
      |
      = help: write the JSON pointer to what the platform calls the request, such as `/data/id`

    error[C003]: unknown key `actoin`
     --> countersign.yaml:8:30
      |
    8 |     fields: {id: {value: 7}, actoin: /action, agent: /agent}
      |                              ^^^^^^
      |
      = help: did you mean `action`?

    error[C004]: `forward` leads nowhere: there is no `forward_to`
     --> countersign.yaml:9:14
      |
    9 |     forward: all
      |              ^^^
      |
      = help: say where events go on to: `forward_to: https://executor.internal/hook`

    error[C005]: one way to authenticate is needed
      --> countersign.yaml:10:11
       |
    10 |     auth: {bearer: *********************, basic: *********}
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write one of `bearer_file: PATH`, `bearer: "{token}"`, `header: {…}`, `basic: {…}`, `hmac: {…}`, `login: {…}`

    error[C004]: `fields` is missing
      --> countersign.yaml:12:7
       |
    12 |       request: {method: get, url: "{api_url}/r/{rationale}"}
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `fields: {action: /action, agent: /agent_id, context: /context}`; `id` stands beside it

    error[C005]: `get` is not a method
      --> countersign.yaml:12:25
       |
    12 |       request: {method: get, url: "{api_url}/r/{rationale}"}
       |                         ^^^
       |
       = help: did you mean `GET`?

    error[C005]: `{api_url}` stands for nothing: the source has no `api_url`
      --> countersign.yaml:12:36
       |
    12 |       request: {method: get, url: "{api_url}/r/{rationale}"}
       |                                    ^^^^^^^^^
       |
       = help: add `api_url: https://…` to the source, or write the whole URL

    error[C005]: `{rationale}` is known only when a request is answered
      --> countersign.yaml:12:48
       |
    12 |       request: {method: get, url: "{api_url}/r/{rationale}"}
       |                                                ^^^^^^^^^^^
       |
       = help: known here: `{api_url}`, `{id}`, `{agent}`, `{action}` or `{token}`

    error[C005]: there is no list that could have pages
      --> countersign.yaml:14:14
       |
    14 |       pages: {cursor: /next}
       |              ^^^^^^^^^^^^^^^
       |
       = help: say where the list is in the response: `items: ""`, or remove `pages`

    error[C004]: `reconcile` has nowhere to look: there is no `pending`
      --> countersign.yaml:15:16
       |
    15 |     reconcile: 5m
       |                ^^
       |
       = help: say where the platform lists what is pending: `pending: {request: {url: "{api_url}/approvals?status=pending"}, items: ""}`

    error[C005]: `*.example.com` holds a wildcard; list each host by its name
      --> countersign.yaml:16:22
       |
    16 |     callback_hosts: ["*.example.com"]
       |                      ^^^^^^^^^^^^^^^
       |
       = help: write `callback_hosts: [app.example.com]`

    error[C004]: `reject` is missing
      --> countersign.yaml:18:7
       |
    18 |       approve: {url: "https://{agent}.example.com/", body: {reason: {rationale}, who: "{agnet}"}}
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: say what is called: `reject: {url: "{api_url}/approvals/{id}/reject"}`

    error[C005]: the host of a URL is written out; a placeholder comes after it and a `/`
      --> countersign.yaml:18:22
       |
    18 |       approve: {url: "https://{agent}.example.com/", body: {reason: {rationale}, who: "{agnet}"}}
       |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `{method: POST, url: "{api_url}/approvals/{id}/approve", body: {reason: "{rationale}"}}`

    error[C005]: `{rationale}` without quotes is a mapping
      --> countersign.yaml:18:69
       |
    18 |       approve: {url: "https://{agent}.example.com/", body: {reason: {rationale}, who: "{agnet}"}}
       |                                                                     ^^^^^^^^^^^
       |
       = help: write `"{rationale}"`

    error[C005]: `{agnet}` is not a placeholder
      --> countersign.yaml:18:88
       |
    18 |       approve: {url: "https://{agent}.example.com/", body: {reason: {rationale}, who: "{agnet}"}}
       |                                                                                        ^^^^^^^
       |
       = help: did you mean `{agent}`? a plain `{` is written `{{`

    error[C012]: 200 is under `done` already
      --> countersign.yaml:19:39
       |
    19 |       status: {done: [200], already: [200, 1000]}
       |                                       ^^^
       |
       = help: keep one of the two

    error[C005]: `1000` is not a number that is allowed here
      --> countersign.yaml:19:44
       |
    19 |       status: {done: [200], already: [200, 1000]}
       |                                            ^^^^
       |
       = help: write a whole number from 200 to 599

    error[C005]: `status` is a word of our own
      --> countersign.yaml:20:29
       |
    20 |     acknowledge: {enforce: {status: mine}}
       |                             ^^^^^^
       |
       = help: every acknowledgement says `status` and `case_id`; leave it out
    "#);
}

#[test]
fn a_placeholder_that_can_never_stand_for_anything_is_a_mistake() {
    let approve = |url: &str| answer(&format!("{{url: \"{url}\"}}"));
    let confirm = |request: &str| {
        webhook(&format!(
            "    fields: {{id: /id}}\n    confirm: {{request: {request}, id: /id, fields: {{action: /action}}}}\n"
        ))
    };
    for (text, message, help) in [
        (
            approve("{api_url}/x"),
            "`{api_url}` stands for nothing: the source has no `api_url`",
            "add `api_url: https://…` to the source, or write the whole URL",
        ),
        (
            approve("https://a.example/{agent}"),
            "`{agent}` stands for nothing: `fields` has no `agent`",
            "say where a request has it: `fields: {agent: /agent}`",
        ),
        (
            answer("{url: https://a.example, headers: {X-Who: \"by {token}\"}}"),
            "`{token}` stands for nothing: `fields` has no `token`",
            "say where a request has it: `fields: {token: /token}`",
        ),
        (
            answer("{url: https://a.example, auth: {bearer: \"{token}\"}}"),
            "`{token}` stands for nothing: `fields` has no `token`",
            "say where a request has it: `fields: {token: /token}`",
        ),
        (
            approve("{callback}"),
            "`{callback}` stands for nothing: `fields` has no `callback`",
            "say where a request has it: `fields: {callback: /callback}`",
        ),
        (
            webhook(
                "    fields: {id: /id, callback: /url}\n    callback_hosts: []\n    answer: {approve: {url: \"{callback}\"}, reject: {url: https://a.example}}\n",
            ),
            "`{callback}` can lead nowhere: there are no `callback_hosts`",
            "name the hosts that it may lead to: `callback_hosts: [app.example.com]`",
        ),
        (
            approve("https://a.example/{callback}"),
            "`{callback}` can only be the beginning of a URL",
            "write `{method: POST, url: \"{api_url}/approvals/{id}/approve\", body: {reason: \"{rationale}\"}}`",
        ),
        (
            confirm("{url: \"https://a.example/{case_id}\"}"),
            "`{case_id}` is known only when a request is answered",
            "known here: `{api_url}`, `{id}`, `{agent}`, `{action}` or `{token}`",
        ),
        (
            confirm("{url: \"https://a.example/{action}\"}"),
            "`{action}` stands for nothing: `fields` has no `action`",
            "say where a request has it: `fields: {action: /action}`",
        ),
        (
            webhook(&format!(
                "{FIELDS}    reconcile: 5m\n    pending: {{request: {{url: \"https://a.example/?id={{id}}\"}}, items: \"\", id: /id, fields: {{action: /a}}}}\n"
            )),
            "`{id}` is of one request, and this lists them all",
            "known here: `{api_url}`",
        ),
        (
            approve("https://a.example/{idd}"),
            "`{idd}` is not a placeholder",
            "did you mean `{id}`? a plain `{` is written `{{`",
        ),
        (
            answer("{url: {id}}"),
            "`{id}` without quotes is a mapping",
            "write `\"{id}\"`",
        ),
        (
            answer("{url: https://a.example, auth: {bearer: {token}}}"),
            "`{token}` without quotes is a mapping",
            "write `bearer: \"{token}\"`",
        ),
    ] {
        assert_eq!(only(&text), (message.to_owned(), help.to_owned()), "{text}");
    }
    // What a record says is known when a request is answered; a part may be missing from the delivery.
    good(&webhook(
        "    fields: {id: /id}\n    confirm: {request: {url: \"https://a.example/{id}\"}, id: /id, fields: {agent: /who}}\n    answer: {approve: {url: \"https://a.example/{agent}\"}, reject: {url: https://a.example}}\n",
    ));
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let event = |event: &str| webhook(&format!("{FIELDS}    event: {event}\n"));
    let answer = "{approve: {url: https://a.example}, reject: {url: https://a.example}}";
    for (text, message) in [
        (webhook(""), "`fields` is missing"),
        (webhook("    fields: {action: /a}\n"), "`id` is missing"),
        (event("{at: /event, request: []}"), "no event asks"),
        (event("{at: /event}"), "`request` is missing"),
        (event("{request: [a]}"), "`at` is missing"),
        (
            event("{at: /event, request: [a, b], resolved: [b]}"),
            "`b` is under `request` too",
        ),
        (
            event("{at: /event, header: X, request: [a]}"),
            "both `at` and `header` are given",
        ),
        (
            webhook(&format!("{FIELDS}    resolved: {{outcome: /status}}\n")),
            "`resolved` is never looked at: no event tells an end",
        ),
        (
            enforced(""),
            "source `pay` is in `enforce` and does not say how to answer",
        ),
        (
            webhook(&format!(
                "    mode: enforce\n{FIELDS}    answer: {answer}\n    auth: {{bearer: {{env: OTHER}}}}\n    verify: [{{user_agent: Pay/1}}]\n"
            )),
            "source `pay` is in `enforce` and verifies nobody",
        ),
        (
            enforced("    answer: {approve: {url: https://a.example}}\n"),
            "`reject` is missing",
        ),
        (
            webhook(&format!("{FIELDS}    reconcile: 5m\n")),
            "`reconcile` has nowhere to look: there is no `pending`",
        ),
        (
            webhook(&format!(
                "{FIELDS}    pending: {{request: {{url: https://a.example}}, items: \"\", id: /id, fields: {{action: /a}}}}\n"
            )),
            "`pending` is never looked at: there is no `reconcile`",
        ),
        (
            webhook(&format!(
                "{FIELDS}    reconcile: 5m\n    pending: {{request: {{url: https://a.example}}, id: /id, fields: {{action: /a}}}}\n"
            )),
            "`items` is missing",
        ),
        (
            webhook(&format!(
                "{FIELDS}    confirm: {{request: {{url: https://a.example}}, id: /id}}\n"
            )),
            "`fields` is missing",
        ),
        (
            webhook(&format!(
                "{FIELDS}    confirm: {{request: {{url: https://a.example}}, id: /id, fields: {{}}}}\n"
            )),
            "a record without fields says nothing",
        ),
        (
            webhook(&format!(
                "{FIELDS}    confirm: {{request: {{url: https://a.example}}, fields: {{action: /a}}}}\n"
            )),
            "`id` is missing",
        ),
        (
            webhook(&format!(
                "{FIELDS}    confirm: {{request: {{url: https://a.example}}, id: /id, fields: {{action: /a}}, pages: {{limit: 5}}}}\n"
            )),
            "there is no list that could have pages",
        ),
        (
            webhook(&format!(
                "{FIELDS}    confirm: {{request: {{url: https://a.example/?limit=1}}, items: \"\", id: /id, fields: {{action: /a}}, pages: {{limit: 5}}}}\n"
            )),
            "the URL of `confirm` has `limit`, which pages are asked for by; leave it out",
        ),
        (
            webhook(&format!("{FIELDS}    forward: all\n")),
            "`forward` leads nowhere: there is no `forward_to`",
        ),
        (warden(""), "`login` is missing"),
        (
            warden(
                "    login: {email: a, password: {env: LONG}}\n    auth: {bearer: {env: LONG}}\n",
            ),
            "both `auth` and `login` are given",
        ),
        (
            warden(
                "    mode: enforce\n    login: {email: a, password: {env: LONG}}\n    verify: [{user_agent: AgentWarden-Webhook/1.0}]\n",
            ),
            "source `warden` is in `enforce` and verifies nobody",
        ),
    ] {
        assert_eq!(only(&text).0, message, "{text}");
    }
    let (_, help) = only(&warden(""));
    assert_eq!(
        help,
        "every request is read back from AgentWarden before it is decided, in dry-run too: add `login: {email: EMAIL, password_file: PATH}` of a user of its own, or `auth`"
    );
}

#[test]
fn values_of_a_described_platform_that_are_none_are_refused() {
    let source = |rest: &str| webhook(&format!("{FIELDS}    {rest}\n"));
    for text in [
        source("api_url: \"https://a.example/?x=1\""),
        source("auth: {}"),
        source("auth: {bearer: }"),
        source("auth: {beare: {env: LONG}}"),
        source("auth: {bearer_file: \"\"}"),
        source("auth: {header: {name: X}}"),
        source("auth: {header: {name: \"a b\", value: {env: LONG}}}"),
        source("auth: {basic: {user: \"a:b\", password: {env: LONG}}}"),
        source("auth: {basic: {password: {env: LONG}}}"),
        source("auth: {hmac: {secret: {env: LONG}}}"),
        source("auth: {hmac: {header: X}}"),
        source("auth: {hmac: {header: X, secrets: [{env: LONG}]}}"),
        source("auth: {hmac: {header: X, signed: \"{timestamp}.{body}\", secret: {env: LONG}}}"),
        source(
            "auth: {login: {url: \"{api_url}/login\", body: {p: \"{password}\"}, password: {env: LONG}}}",
        ),
        source("auth: {login: {url: https://a.example, body: {p: x}, password: {env: LONG}}}"),
        source("auth: {login: {url: https://a.example, body: {p: \"{password}\"}}}"),
        source(
            "auth: {login: {url: https://a.example, body: {p: \"{password}\"}, password: {env: LONG}, token: x}}",
        ),
        source(
            "auth: {login: {url: https://a.example, body: {p: \"{password}\"}, password: {env: LONG}, lifetime: 1s}}",
        ),
        source("callback_hosts: app.example.com"),
        source("callback_hosts: [\"https://app.example.com\"]"),
        source("callback_hosts: [0.0.0.0/0]"),
        source("forward_to: https://a.example\n    forward: none"),
        source("acknowledge: {enforce: defer}"),
        source("acknowledge: {dry_run: {case_id: x}}"),
        source("reconcile: 1s"),
        source("confirm: {}"),
        source("login: {email: a, password: {env: LONG}}"),
        answer("{}"),
        answer("{url: /x}"),
        answer("{url: \"ftp://a.example/\"}"),
        answer("{url: \"https://u:p@a.example/\"}"),
        answer("{url: \"https://{id}.example/\"}"),
        answer("{url: \"https://a.example/../{id}\"}"),
        answer("{url: \"https://a.example/{\"}"),
        answer("{url: https://a.example, method: TRACE}"),
        answer("{url: https://a.example, headers: [a]}"),
        answer("{url: https://a.example, headers: {\"a b\": x}}"),
        answer("{url: https://a.example, headers: {Host: x}}"),
        answer("{url: https://a.example, headers: {X-A: x, x-a: y}}"),
        answer("{url: https://a.example, headers: {X-A: [x]}}"),
        answer("{url: https://a.example, body: \"{\"}"),
        answer("{url: https://a.example, body: {a: \"${NOPE}\"}}"),
        webhook("    fields: {id: {value: 1}}\n"),
        webhook("    fields: {id: {at: /id, default: x}}\n"),
        webhook("    fields: {id: /id, action: {at: /a, json: /b, default: c}}\n"),
        webhook("    fields: {id: /id, action: {default: c}}\n"),
        webhook("    fields: {id: /id, identifier: /id}\n"),
        warden("    login: {email: a}\n"),
        warden("    login: {password: {env: LONG}}\n"),
        warden("    login: {email: a, password: {env: LONG}, url: \"{api_url}.evil.example/\"}\n"),
        warden(
            "    login: {email: a, password: {env: LONG}}\n    answer: {status: {done: [99]}}\n",
        ),
        warden("    login: {email: a, password: {env: LONG}}\n    answer: {rationale_limit: 0}\n"),
        warden("    login: {email: a, password: {env: LONG}}\n    confirm: {within: 0s}\n"),
        warden(
            "    login: {email: a, password: {env: LONG}}\n    confirm: {status: {pending: []}}\n",
        ),
        warden("    login: {email: a, password: {env: LONG}}\n    confirm: {pages: {limit: 0}}\n"),
        warden(
            "    login: {email: a, password: {env: LONG}}\n    confirm: {pages: {limit: 5, cursor: /next}}\n",
        ),
        warden(
            "    login: {email: a, password: {env: LONG}}\n    confirm: {pages: {parameter: next}}\n",
        ),
        warden(
            "    login: {email: a, password: {env: LONG}}\n    confirm: {pages: {cursor: /next, parameter: \"a=b&c\"}}\n",
        ),
    ] {
        assert!(parse(&text).is_err(), "{text}");
    }
}

#[test]
fn no_secret_of_a_described_platform_is_shown_beside_a_mistake() {
    for rest in [
        "auth: {bearer: hunter2-hunter2, x: 1}",
        "auth: {baerer: hunter2-hunter2}",
        "auth: {header: {name: a b, value: hunter2-hunter2}}",
        "auth: {header: {name: X, valeu: 7, value: hunter2-hunter2}}",
        "auth: {basic: {user: [u], password: hunter2-hunter2}}",
        "auth: {hmac: {secret: hunter2-hunter2}}",
        "auth: {login: {url: nowhere, body: {}, password: hunter2-hunter2}}",
        "auth: {login: {url: \"https://bot:hunter2@a.example\", body: {p: \"{password}\"}, password: {env: LONG}}}",
        "answer: {approve: {url: \"https://bot:hunter2@a.example\"}}",
        "answer: {approve: {url: x, headers: {Authorization: Agent hunter2}}}",
        "answer: {approve: {url: x, headers: {X-API-Key: hunter2}}}",
        "answer: {approve: {url: x, body: {password: hunter2}}}",
        "answer: {auth: {bearer: hunter2-hunter2}, approve: x}",
        "confirm: {request: {url: x, auth: {bearer: hunter2-hunter2}}}",
        "pending: {request: {url: x, auth: {bearer: hunter2-hunter2}}}",
    ] {
        for kind in ["webhook", "agentwarden"] {
            let text = format!(
                "sources: [{{name: a, kind: {kind}, fields: {{id: /id}}, {rest}, typo: 1}}]\n"
            );
            let all = mistakes(&text);
            assert!(!shown(&all).contains("hunter2"), "{}", shown(&all));
            let json: Vec<_> = all.iter().map(Diagnostic::to_json).collect();
            assert!(!format!("{json:?}").contains("hunter2"), "{json:?}");
        }
    }
}
