//! What is wrong with a described platform, and what is said of it.

use super::webhooks::{warden, webhook};
use super::*;

/// What every webhook source needs, below which a test writes its own.
const FIELDS: &str = "    fields: {id: /id, action: /action}\n";
const SIGNED: &str =
    "    verify: [{hmac: {header: X-Sig, secrets: [{env: LONG}]}}]\n    auth: {bearer: {env: OTHER}}\n";

fn enforced(rest: &str) -> String {
    webhook(&format!("    mode: enforce\n{FIELDS}{SIGNED}{rest}"))
}

fn answer(call: &str) -> String {
    webhook(&format!(
        "{FIELDS}    answer: {{approve: {call}, reject: {{url: https://a.example/x}}}}\n"
    ))
}

fn warned(text: &str) -> Vec<String> {
    told(&good(text).1)
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
