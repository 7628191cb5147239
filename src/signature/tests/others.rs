//! Checks that prove less than a signature.

use http::header;

use super::*;

#[test]
fn a_static_header_and_a_secret_path_prove_the_sender_and_not_the_body() {
    let verifier = Verifier::new(vec![
        Check::StaticHeader {
            name: header::AUTHORIZATION,
            secrets: secrets(&["Bearer s3cret"]),
        },
        Check::SecretPath {
            secrets: secrets(&["in-the-path"]),
        },
        Check::UserAgent {
            expected: "AgentWarden-Webhook/1.0".to_owned(),
        },
    ]);
    assert_eq!(verifier.strength(), Strength::Sender);
    assert!(verifier.expects_path_secret());
    let sent = |authorization: &str, path: Option<&str>, agent: &str| Delivery {
        path_secret: path.map(Secret::new),
        ..delivery(
            &[("authorization", authorization), ("user-agent", agent)],
            BODY,
        )
    };
    let agent = "AgentWarden-Webhook/1.0";
    let passed = verifier
        .verify(
            sent("Bearer s3cret", Some("in-the-path"), agent),
            now(),
            plain,
        )
        .unwrap();
    assert!(!passed.proven().signature);
    for (delivery, reason) in [
        (
            sent("Bearer s3cre", Some("in-the-path"), agent),
            "header_wrong",
        ),
        (sent("", Some("in-the-path"), agent), "header_wrong"),
        (
            sent("Bearer s3cret", Some("in-the-pat"), agent),
            "path_wrong",
        ),
        (sent("Bearer s3cret", Some(""), agent), "path_wrong"),
        (sent("Bearer s3cret", None, agent), "path_wrong"),
        (
            sent("Bearer s3cret", Some("in-the-path"), "curl"),
            "user_agent_wrong",
        ),
        (delivery(&[], BODY), "header_missing"),
        (
            delivery(
                &[
                    ("authorization", "Bearer s3cret"),
                    ("authorization", "Bearer s3cret"),
                ],
                BODY,
            ),
            "header_wrong",
        ),
    ] {
        assert_eq!(outcome(&verifier, delivery), reason);
    }
}

#[test]
fn a_bearer_token_names_its_holder() {
    let tokens =
        [("billing", "b-token"), ("ops", "o-token"), ("nobody", "")].map(|(name, token)| {
            NamedToken {
                name: name.to_owned(),
                token: Secret::new(token),
            }
        });
    let verifier = Verifier::new(vec![Check::BearerToken {
        tokens: tokens.into(),
    }]);
    let sender = |value: &str| {
        let delivery = delivery(&[("authorization", value)], BODY);
        verifier
            .verify(delivery, now(), plain)
            .map(|verified| verified.sender().unwrap().to_owned())
    };
    assert_eq!(sender("Bearer b-token").unwrap(), "billing");
    assert_eq!(sender("bearer o-token").unwrap(), "ops");
    for value in ["Bearer", "Basic b-token", "b-token", ""] {
        assert_eq!(
            sender(value).unwrap_err(),
            Unverified::TokenMissing,
            "{value}"
        );
    }
    for value in [
        "Bearer ",
        "Bearer b-toke",
        "Bearer b-token2",
        "Bearer b-token o-token",
    ] {
        assert!(
            matches!(
                sender(value).unwrap_err(),
                Unverified::TokenWrong | Unverified::TokenMissing
            ),
            "{value}"
        );
    }
    let twice = delivery(
        &[
            ("authorization", "Bearer b-token"),
            ("authorization", "Bearer b-token"),
        ],
        BODY,
    );
    assert_eq!(outcome(&verifier, twice), "token_missing");
}

#[test]
fn a_user_agent_alone_and_no_check_at_all_prove_nothing() {
    let nothing = Verifier::<Secret>::new(vec![]);
    let agent = Verifier::<Secret>::new(vec![Check::UserAgent {
        expected: "x".to_owned(),
    }]);
    for verifier in [nothing, agent] {
        assert_eq!(verifier.strength(), Strength::Nothing);
        let verified = verifier
            .verify(delivery(&[("user-agent", "x")], BODY), now(), plain)
            .unwrap();
        assert_eq!(verified.strength(), Strength::Nothing);
        assert_eq!(verified.proven(), Proven::default());
    }
}

#[test]
fn a_delivery_is_signed_for_all_checks_at_once_and_prints_no_secret() {
    let verifier = Verifier::new(vec![
        Check::Hmac(scheme("{id}.{timestamp}.{body}").check().unwrap()),
        Check::StandardWebhooks {
            secrets: secrets(&[STANDARD_SECRET]),
            tolerance: DEFAULT_TOLERANCE,
        },
        Check::StaticHeader {
            name: named("x-secret"),
            secrets: secrets(&["s3cret", "old"]),
        },
        Check::BearerToken {
            tokens: vec![NamedToken {
                name: "billing".to_owned(),
                token: Secret::new("b-token"),
            }],
        },
        Check::SecretPath {
            secrets: secrets(&["in-the-path"]),
        },
        Check::UserAgent {
            expected: "Platform/1.0".to_owned(),
        },
    ]);
    let signed = verifier.sign(BODY, "msg_1", now(), plain).unwrap();
    let names: std::collections::BTreeSet<_> =
        signed.headers.keys().map(HeaderName::as_str).collect();
    let expected = [
        "authorization",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        "x-id",
        "x-secret",
        "x-signature",
        "x-timestamp",
    ];
    assert_eq!(names, expected.into());
    let path = signed.path_secret.as_ref().unwrap();
    assert_eq!(path.expose(), "in-the-path");
    let shown = format!("{:?} {path:?}", signed.headers);
    for secret in ["s3cret", "b-token", "in-the-path"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let sent = Delivery {
        headers: signed.headers,
        body: Bytes::from_static(BODY),
        path_secret: signed.path_secret,
    };
    let passed = verifier.verify(sent, now(), plain).unwrap();
    assert_eq!(passed.sender(), Some("billing"));
    assert_eq!(passed.strength(), Strength::Body);
}

#[test]
fn what_would_not_pass_is_not_signed() {
    let header = |secret: &str| {
        Verifier::new(vec![Check::StaticHeader {
            name: named("x-secret"),
            secrets: secrets(&[secret]),
        }])
    };
    let path = |texts: &[&str]| {
        Verifier::new(vec![Check::SecretPath {
            secrets: secrets(texts),
        }])
    };
    for (verifier, id, why) in [
        (
            header("two\nlines"),
            "1",
            "the header `x-secret` cannot hold it: it is not plain ASCII, or has white space at an end",
        ),
        (
            header("s3cret "),
            "1",
            "the header `x-secret` cannot hold it: it is not plain ASCII, or has white space at an end",
        ),
        (header(""), "1", "the secret cannot be used: it is empty"),
        (path(&[""]), "1", "the secret cannot be used: it is empty"),
        (path(&[]), "1", "the secret cannot be used: there is none"),
        (
            standard(&["whsec_not base64"]),
            "1",
            "the secret cannot be used: the secret is not `whsec_` and base64",
        ),
        (
            standard(&[STANDARD_SECRET]),
            "1.2",
            "the delivery id is empty, too long, or holds a separator of `signed`",
        ),
        (
            hmac(scheme("{id}|{body}")),
            "ü",
            "the header `x-id` cannot hold it: it is not plain ASCII, or has white space at an end",
        ),
    ] {
        let refused = verifier.sign(BODY, id, now(), plain).err();
        assert_eq!(
            refused.map_or(String::new(), |refused| refused.to_string()),
            why
        );
    }
    let unreadable = header("x").sign(BODY, "1", now(), |_| Err("cannot read it"));
    assert_eq!(
        unreadable.err(),
        Some(Unsignable::Secret("cannot read it".to_owned()))
    );
}
