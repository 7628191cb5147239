//! What somebody should look at in a described platform before it bites.

use super::webhook_mistakes::{FIELDS, enforced};
use super::webhooks::webhook;
use super::*;

fn warned(text: &str) -> Vec<String> {
    told(&good(text).1)
}

#[test]
fn what_may_bite_later_is_a_warning_of_a_described_platform_too() {
    let answer =
        "    answer: {approve: {url: https://a.example}, reject: {url: https://a.example}}\n";
    assert_eq!(warned(&enforced(answer)), Vec::<String>::new());
    let unsigned = format!(
        "    mode: enforce\n{FIELDS}    auth: {{bearer: {{env: OTHER}}}}\n    verify: [{{static_header: {{name: X, secrets: [{{env: LONG}}]}}}}]\n{answer}"
    );
    assert_eq!(
        warned(&webhook(&unsigned)),
        ["5: source `pay` takes every word of a request from whoever knows its secret"]
    );
    let confirm =
        "    confirm: {request: {url: https://a.example}, id: /id, fields: {action: /a}}\n";
    assert!(warned(&webhook(&format!("{unsigned}{confirm}"))).is_empty());
    assert!(warned(&webhook(&unsigned.replace("enforce", "dry_run"))).is_empty());
    let open = "    mode: enforce\n    fields: {id: /id, token: /token}\n    verify: [{hmac: {header: X, secrets: [{env: LONG}]}}]\n    answer:\n      approve: {url: https://a.example}\n      reject: {url: \"https://a.example/{token}\"}\n";
    assert_eq!(
        warned(&webhook(open)),
        ["9: this call holds nothing by which the platform could know us"]
    );
    let clear = "    credential_expires: 2026-12-01\n    answer: {approve: {url: http://a.example/x}, reject: {url: http://127.0.0.1/x}}\n";
    assert_eq!(
        warned(&webhook(&format!("{FIELDS}{clear}"))),
        [
            "6: the credential expires in 9 days",
            "7: answers and their credential cross the network in the clear",
        ]
    );
    assert_eq!(
        warned(&webhook(&format!(
            "{FIELDS}    auth: {{bearer_file: /nope/secret}}\n"
        ))),
        ["6: cannot read the secret file `/nope/secret`: No such file or directory (os error 2)"]
    );
}
