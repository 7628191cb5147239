//! What must hold between the parts.

use super::*;

#[test]
fn beyond_loopback_every_sender_must_be_verified() {
    let open = "listen: 0.0.0.0:8787\n";
    let (message, help) = only(&format!("{open}{}", tracemem("")));
    assert_eq!(
        message,
        "source `refunds` verifies nobody, and `listen` is 0.0.0.0:8787, which is not loopback"
    );
    assert_eq!(
        help,
        "whoever reaches it could send requests: add `verify`, or listen on 127.0.0.1"
    );
    let agent_only = tracemem("    verify: [{user_agent: TraceMem}]\n");
    assert!(
        only(&format!("{open}{agent_only}"))
            .1
            .contains("a user agent alone proves nothing")
    );
    let http = format!("{OPERATOR}sources: [{{name: agents, kind: http}}]\n");
    assert!(only(&format!("{open}{http}")).1.contains("add `tokens`"));
    assert!(
        only(&format!("listen: \"[::]:8787\"\n{http}"))
            .0
            .contains("[::]:8787")
    );
    good(&http);
    good(&format!(
        "{open}{}",
        tracemem("    verify: [{hmac: {secrets: [{env: LONG}]}}]\n")
    ));
}

#[test]
fn beyond_loopback_operators_need_tokens() {
    let (message, _) = only("operators: {listen: 0.0.0.0:8788}\n");
    assert_eq!(
        message,
        "`operators.listen` is 0.0.0.0:8788, which is not loopback, and nobody there could prove who they are"
    );
    good(
        "operators: {listen: 0.0.0.0:8788, tokens: [{name: a, role: admin, token: {env: LONG}}]}\n",
    );
}

#[test]
fn nothing_is_enforced_for_a_sender_nobody_verifies() {
    let credential = "    credential: {env: OTHER}\n";
    for verify in [
        "",
        "    verify: []\n",
        "    verify: [{user_agent: TraceMem}]\n",
    ] {
        let (message, _) = only(&tracemem(&format!(
            "    mode: enforce\n{credential}{verify}"
        )));
        assert_eq!(
            message,
            "source `refunds` is in `enforce` and verifies nobody"
        );
    }
    let inherited = format!("mode: enforce\n{}", tracemem(credential));
    assert_eq!(
        only(&inherited).0,
        "source `refunds` is in `enforce`, as all are here, and verifies nobody"
    );
    assert!(
        parse(&format!(
            "{OPERATOR}sources: [{{name: a, kind: http, mode: enforce}}]\n"
        ))
        .is_err()
    );
    let own = format!("mode: enforce\n{}", tracemem("    mode: dry_run\n"));
    assert_eq!(good(&own).0.sources[0].mode, Mode::DryRun);
}

#[test]
fn tracemem_in_enforce_needs_a_credential() {
    let verified = "    mode: enforce\n    verify: [{hmac: {secrets: [{env: LONG}]}}]\n";
    assert_eq!(
        only(&tracemem(verified)).0,
        "source `refunds` is in `enforce` and has no credential to answer with"
    );
    let (config, _) = good(&tracemem(&format!(
        "{verified}    credential: {{env: OTHER}}\n"
    )));
    assert!(config.sources[0].verified());
}

#[test]
fn names_paths_and_tokens_are_given_once() {
    let sources = |text: &str| format!("{OPERATOR}sources:\n{text}");
    for (text, message) in [
        (sources("  - {name: a, kind: http}\n  - {name: a, kind: http}\n"), "two sources are called `a`"),
        (
            sources("  - {name: a, kind: tracemem, path: /x}\n  - {name: b, kind: tracemem, path: /x}\n"),
            "two sources are delivered at `/x`",
        ),
        (
            sources("  - {name: a, kind: tracemem}\n  - {name: b, kind: tracemem, path: /v1/sources/a}\n"),
            "two sources are delivered at `/v1/sources/a`",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token: {env: OTHER}}]}\n  - {name: b, kind: http, tokens: [{agent: x, token: \"${OTHER}\"}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token: {env: LONG}}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            sources("  - {name: a, kind: http, tokens: [{agent: x, token_file: /nope}, {agent: y, token_file: /nope}]}\n"),
            "this token is given to somebody else too",
        ),
        (
            "operators: {tokens: [{name: a, role: admin, token: {env: LONG}}, {name: a, role: viewer, token: {env: OTHER}}]}\n".to_owned(),
            "two operators are called `a`",
        ),
    ] {
        assert_eq!(only(&text).0, message, "{text}");
    }
    good(&sources(
        "  - {name: a, kind: http, tokens: [{agent: x, token: {env: OTHER}}, {agent: x, token: another-long-token-1}]}\n",
    ));
}

#[test]
fn both_listeners_on_one_port_are_refused() {
    for addresses in [
        "listen: 127.0.0.1:9000\noperators: {listen: 127.0.0.1:9000}\n",
        "listen: 0.0.0.0:9000\noperators: {listen: 127.0.0.1:9000}\n",
        "operators: {listen: localhost:8787}\n",
    ] {
        assert!(
            only(addresses)
                .0
                .starts_with("`listen` and `operators.listen` are both on port"),
            "{addresses}"
        );
    }
    good("listen: 127.0.0.1:0\noperators: {listen: 127.0.0.1:0}\n");
}

#[test]
fn what_may_bite_later_is_a_warning() {
    let text = tracemem(
        "    api_url: http://tracemem.internal\n    credential: short\n    credential_expires: 2026-12-01\n    verify: [{hmac: {secrets: [{file: /nope/secret}]}}]\n",
    );
    let (_, warnings) = good(&text);
    assert!(
        warnings
            .iter()
            .all(|warning| warning.severity == Severity::Warning)
    );
    assert_eq!(
        told(&warnings),
        [
            "5: answers and their credential cross the network in the clear",
            "6: this secret is shorter than 16 bytes and can be guessed",
            "7: the credential expires in 9 days",
            "8: cannot read the secret file `/nope/secret`: No such file or directory (os error 2)",
        ]
    );
    let (_, warnings) = good(&tracemem("    credential_expires: 2026-11-21\n"));
    assert_eq!(
        told(&warnings),
        ["5: the credential has expired: answers will be refused"]
    );
    assert!(
        good(&tracemem("    credential_expires: 2027-11-21\n"))
            .1
            .is_empty()
    );
    let (_, warnings) = good("");
    let words = told(&warnings);
    assert_eq!(
        words,
        [
            "0: there is no operator: nobody can look, vote or freeze",
            "0: there is no source: nothing can ask",
        ]
    );
}
