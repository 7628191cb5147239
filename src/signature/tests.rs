use std::convert::Infallible;

use http::{HeaderValue, header};
use proptest::prelude::*;

use super::*;

const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
const STANDARD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STANDARD_ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
const STANDARD_TIME: i64 = 1_649_367_553;
const STANDARD_SIGNATURE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

fn now() -> Timestamp {
    Timestamp::from_second(STANDARD_TIME).unwrap()
}

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().map(|text| Secret::new(*text)).collect()
}

fn plain(secret: &Secret) -> Result<Secret, Infallible> {
    Ok(secret.clone())
}

fn named(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).unwrap()
}

fn delivery(headers: &[(&str, &str)], body: &[u8]) -> Delivery {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            named(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    Delivery {
        headers: map,
        body: Bytes::copy_from_slice(body),
        path_secret: None,
    }
}

fn scheme(signed: &str) -> HmacScheme<Secret> {
    HmacScheme {
        header: named("x-signature"),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".to_owned(),
        signed: SignedText::parse(signed).unwrap(),
        timestamp_header: signed.contains("{timestamp}").then(|| named("x-timestamp")),
        id_header: signed.contains("{id}").then(|| named("x-id")),
        tolerance: DEFAULT_TOLERANCE,
        secrets: secrets(&["It's a Secret to Everybody"]),
    }
}

fn hmac(scheme: HmacScheme<Secret>) -> Verifier<Secret> {
    Verifier::new(vec![Check::Hmac(scheme.check().unwrap())])
}

fn standard(texts: &[&str]) -> Verifier<Secret> {
    Verifier::new(vec![Check::StandardWebhooks {
        secrets: secrets(texts),
    }])
}

fn outcome(verifier: &Verifier<Secret>, delivery: Delivery) -> &'static str {
    outcome_at(verifier, delivery, now())
}

fn outcome_at(verifier: &Verifier<Secret>, delivery: Delivery, now: Timestamp) -> &'static str {
    match verifier.verify(delivery, now, plain) {
        Ok(_) => "ok",
        Err(unverified) => unverified.reason(),
    }
}

fn standard_headers(signature: &str) -> Vec<(&'static str, String)> {
    vec![
        ("webhook-id", STANDARD_ID.to_owned()),
        ("webhook-timestamp", STANDARD_TIME.to_string()),
        ("webhook-signature", signature.to_owned()),
    ]
}

fn standard_outcome(signature: &str) -> &'static str {
    let headers = standard_headers(signature);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    outcome(&standard(&[STANDARD_SECRET]), delivery(&headers, BODY))
}

#[test]
fn the_published_vector_of_standard_webhooks_passes() {
    assert_eq!(standard_outcome(STANDARD_SIGNATURE), "ok");
    let others = "v1,tFtCZ5RDCPxzWQRWXWPgrCgE2frDBe9gjpbWQxnVfsQ= v1,Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q=";
    assert_eq!(
        standard_outcome(&format!("{others} {STANDARD_SIGNATURE}")),
        "ok"
    );
    assert_eq!(
        standard_outcome(&format!("v1a,AAAA {STANDARD_SIGNATURE}")),
        "ok"
    );
}

#[test]
fn every_known_forgery_of_a_standard_webhook_is_refused() {
    let tag = STANDARD_SIGNATURE.strip_prefix("v1,").unwrap();
    let many = format!(
        "{}{STANDARD_SIGNATURE}",
        "v1,AAAA ".repeat(MAXIMUM_SIGNATURES)
    );
    for (signature, reason) in [
        ("v1,".to_owned(), "signature_malformed"),
        (String::new(), "signature_version"),
        (tag.to_owned(), "signature_version"),
        (format!("v1,{}", &tag[..8]), "signature_wrong"),
        (format!("v1,{}", &tag[..40]), "signature_wrong"),
        (format!("v1,{tag}AAAA"), "signature_malformed"),
        (
            format!("v1,{}", tag.trim_end_matches('=')),
            "signature_malformed",
        ),
        (format!("v2,{tag}"), "signature_version"),
        (format!("v1a,{tag}"), "signature_version"),
        (format!("V1,{tag}"), "signature_version"),
        (format!("v1={tag}"), "signature_version"),
        (format!("v1, {tag}"), "signature_malformed"),
        (
            "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=".to_owned(),
            "signature_wrong",
        ),
        ("v1,é".to_owned(), "signature_malformed"),
        (many, "signatures_too_many"),
    ] {
        assert_eq!(standard_outcome(&signature), reason, "{signature}");
    }
}

#[test]
fn a_standard_webhook_needs_each_header_exactly_once() {
    let complete = standard_headers(STANDARD_SIGNATURE);
    for (left_out, reason) in [
        ("webhook-id", "id_missing"),
        ("webhook-timestamp", "timestamp_missing"),
        ("webhook-signature", "signature_missing"),
    ] {
        let rest: Vec<_> = complete
            .iter()
            .filter(|(name, _)| *name != left_out)
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            outcome(&standard(&[STANDARD_SECRET]), delivery(&rest, BODY)),
            reason
        );
    }
    for (repeated, reason) in [
        ("webhook-id", "id_malformed"),
        ("webhook-timestamp", "timestamp_malformed"),
        ("webhook-signature", "signature_repeated"),
    ] {
        let twice: Vec<_> = complete
            .iter()
            .chain(complete.iter().filter(|(name, _)| *name == repeated))
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            outcome(&standard(&[STANDARD_SECRET]), delivery(&twice, BODY)),
            reason
        );
    }
}

#[test]
fn a_timestamp_passes_up_to_the_tolerance_both_ways_and_not_a_second_more() {
    for (verifier, names) in [
        (standard(&[STANDARD_SECRET]), "webhook"),
        (hmac(scheme("{timestamp}.{body}")), "x"),
    ] {
        for (offset, reason) in [
            (0, "ok"),
            (300, "ok"),
            (-300, "ok"),
            (301, "timestamp_stale"),
            (-301, "timestamp_ahead"),
            (600, "timestamp_stale"),
        ] {
            let signed = verifier.sign(BODY, STANDARD_ID, now(), plain).unwrap();
            let delivery = Delivery {
                headers: signed.headers,
                body: Bytes::from_static(BODY),
                path_secret: signed.path_secret,
            };
            let later = Timestamp::from_second(STANDARD_TIME + offset).unwrap();
            assert_eq!(
                outcome_at(&verifier, delivery, later),
                reason,
                "{names} {offset}"
            );
        }
    }
}

#[test]
fn a_timestamp_that_is_none_is_refused_even_when_it_is_signed() {
    let check = scheme("{timestamp}.{body}");
    let verifier = hmac(check.clone());
    let HmacCheck(check) = check.check().unwrap();
    let check = HmacCheck(check);
    for (timestamp, reason) in [
        ("1649367553", "ok"),
        ("1649367553000", "ok"),
        ("2022-04-07T21:39:13Z", "ok"),
        ("2022-04-07T23:39:13.25+02:00", "ok"),
        ("", "timestamp_malformed"),
        ("-1649367553", "timestamp_malformed"),
        ("+1649367553", "timestamp_malformed"),
        ("1649367553.0", "timestamp_malformed"),
        ("0x624f59c1", "timestamp_malformed"),
        ("99999999999999999999999", "timestamp_malformed"),
        ("2022-04-07T21:39:13", "timestamp_malformed"),
        ("2022-04-07 21:39:13Z", "timestamp_malformed"),
        ("now", "timestamp_malformed"),
        ("1649360000", "timestamp_stale"),
    ] {
        let secret = Secret::new("It's a Secret to Everybody");
        let signature = check.encode(&check.mac(&secret, BODY, timestamp, "").unwrap().tag());
        let delivery = delivery(
            &[("x-signature", &signature), ("x-timestamp", timestamp)],
            BODY,
        );
        assert_eq!(outcome(&verifier, delivery), reason, "{timestamp}");
    }
}

#[test]
fn an_id_that_could_be_split_in_two_ways_is_refused_even_when_it_is_signed() {
    let verifier = hmac(scheme("{id}.{timestamp}.{body}"));
    for (id, reason) in [
        ("msg_1", "ok"),
        ("msg.1", "id_malformed"),
        ("", "id_malformed"),
    ] {
        let signed = verifier.sign(BODY, id, now(), plain).unwrap();
        let delivery = Delivery {
            headers: signed.headers,
            body: Bytes::from_static(BODY),
            path_secret: None,
        };
        assert_eq!(outcome(&verifier, delivery), reason, "{id}");
    }
}

#[test]
fn the_vector_that_github_publishes_passes() {
    let headers = [(
        "x-signature",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )];
    assert_eq!(
        outcome(
            &hmac(scheme("{body}")),
            delivery(&headers, b"Hello, World!")
        ),
        "ok"
    );
}

#[test]
fn every_known_forgery_of_a_hexadecimal_signature_is_refused() {
    let tag = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for (signature, reason) in [
        (format!("sha256={tag}"), "ok"),
        (format!("sha256={}", tag.to_uppercase()), "ok"),
        (tag.to_owned(), "signature_malformed"),
        (format!("SHA256={tag}"), "signature_malformed"),
        (format!("sha1={tag}"), "signature_malformed"),
        (format!("sha256= {tag}"), "signature_malformed"),
        ("sha256=".to_owned(), "signature_wrong"),
        (format!("sha256={}", &tag[..2]), "signature_wrong"),
        (format!("sha256={}", &tag[..62]), "signature_wrong"),
        (format!("sha256={}", &tag[..63]), "signature_malformed"),
        (format!("sha256={tag}00"), "signature_wrong"),
        (format!("sha256={tag},sha256={tag}"), "signature_malformed"),
        (String::new(), "signature_malformed"),
        ("sha256=é".to_owned(), "signature_malformed"),
    ] {
        let delivery = delivery(&[("x-signature", &signature)], b"Hello, World!");
        assert_eq!(
            outcome(&hmac(scheme("{body}")), delivery),
            reason,
            "{signature}"
        );
    }
    assert_eq!(
        outcome(&hmac(scheme("{body}")), delivery(&[], b"Hello, World!")),
        "signature_missing"
    );
}

#[test]
fn what_is_signed_passes_under_every_option_and_no_other_secret() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for encoding in [Encoding::Hex, Encoding::Base64] {
            for prefix in ["", "sha256=", "t "] {
                for signed in [
                    "{body}",
                    "{timestamp}.{body}",
                    "v0:{timestamp}:{body}",
                    "{id}.{timestamp}.{body}",
                    "{body}|{id}",
                ] {
                    let scheme = HmacScheme {
                        algorithm,
                        encoding,
                        prefix: prefix.to_owned(),
                        ..scheme(signed)
                    };
                    let sent = hmac(scheme.clone())
                        .sign(BODY, "msg_1", now(), plain)
                        .unwrap();
                    let delivery = || Delivery {
                        headers: sent.headers.clone(),
                        body: Bytes::from_static(BODY),
                        path_secret: None,
                    };
                    let verifier = hmac(scheme.clone());
                    let verified = verifier.verify(delivery(), now(), plain).unwrap();
                    assert!(verified.proven().signature);
                    let stranger = hmac(HmacScheme {
                        secrets: secrets(&["another"]),
                        ..scheme
                    });
                    assert_eq!(outcome(&stranger, delivery()), "signature_wrong");
                }
            }
        }
    }
}

#[test]
fn during_a_rotation_the_old_and_the_new_secret_both_pass() {
    let rotating = hmac(HmacScheme {
        secrets: secrets(&["new", "old"]),
        ..scheme("{body}")
    });
    for (secret, reason) in [("old", "ok"), ("new", "ok"), ("older", "signature_wrong")] {
        let sender = hmac(HmacScheme {
            secrets: secrets(&[secret]),
            ..scheme("{body}")
        });
        let signed = sender.sign(BODY, "", now(), plain).unwrap();
        let delivery = Delivery {
            headers: signed.headers,
            body: Bytes::from_static(BODY),
            path_secret: None,
        };
        assert_eq!(outcome(&rotating, delivery), reason);
    }
}

#[test]
fn an_unreadable_secret_matches_nothing_and_hides_no_good_one() {
    let verifier = hmac(HmacScheme {
        secrets: secrets(&["gone", "kept"]),
        ..scheme("{body}")
    });
    let read = |secret: &Secret| match secret.expose() {
        "gone" => Err("cannot read the secret file `/run/x`"),
        _ => Ok(secret.clone()),
    };
    let sent = |secret| {
        let sender = hmac(HmacScheme {
            secrets: secrets(&[secret]),
            ..scheme("{body}")
        });
        let headers = sender.sign(BODY, "", now(), plain).unwrap().headers;
        Delivery {
            headers,
            body: Bytes::from_static(BODY),
            path_secret: None,
        }
    };
    assert!(verifier.verify(sent("kept"), now(), read).is_ok());
    let refused = verifier.verify(sent("gone"), now(), read).err().unwrap();
    assert_eq!(refused.reason(), "secret_unusable");
    assert!(
        !refused.to_string().contains("/run/x"),
        "the sender is not told where secrets are"
    );
}

#[test]
fn an_empty_or_malformed_secret_never_passes() {
    let empty_tag = format!("sha256={}", hex::encode(Mac::tag_of_empty_key(BODY)));
    let empty = hmac(HmacScheme {
        secrets: secrets(&[""]),
        ..scheme("{body}")
    });
    assert_eq!(
        outcome(&empty, delivery(&[("x-signature", &empty_tag)], BODY)),
        "secret_unusable"
    );
    for secret in ["", "whsec_", "whsec_not base64"] {
        let headers = standard_headers(STANDARD_SIGNATURE);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            outcome(&standard(&[secret]), delivery(&headers, BODY)),
            "secret_unusable"
        );
    }
}

struct Mac;

impl Mac {
    fn tag_of_empty_key(body: &[u8]) -> Vec<u8> {
        use ::hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"").unwrap();
        mac.update(body);
        mac.finalize().into_bytes().to_vec()
    }
}

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
    let verified = verifier
        .verify(
            sent("Bearer s3cret", Some("in-the-path"), agent),
            now(),
            plain,
        )
        .unwrap();
    assert!(!verified.proven().signature);
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
fn a_scheme_that_makes_no_sense_is_refused_with_what_to_write() {
    let parse = |template: &str| SignedText::parse(template).unwrap_err();
    assert_eq!(parse("{timestamp}"), InvalidScheme::Body);
    assert_eq!(parse("{body}.{body}"), InvalidScheme::Body);
    assert_eq!(parse("{timestamp}{body}"), InvalidScheme::Touching);
    assert_eq!(
        parse("{bod}").to_string(),
        "`{bod}` is not known in `signed`; use `{body}`, `{timestamp}` and `{id}`"
    );
    assert!(matches!(
        parse("{body"),
        InvalidScheme::UnknownPlaceholder(_)
    ));
    let unsigned = HmacScheme {
        timestamp_header: Some(named("x-timestamp")),
        ..scheme("{body}")
    };
    assert_eq!(
        unsigned.check().unwrap_err().to_string(),
        "`timestamp_header` is set but not signed; put `{timestamp}` in `signed` or leave `timestamp_header` out"
    );
    let unnamed = HmacScheme {
        id_header: None,
        ..scheme("{id}.{body}")
    };
    assert_eq!(
        unnamed.check().unwrap_err().to_string(),
        "`signed` holds `{id}`; say in `id_header` which header it comes in"
    );
    let keyless = HmacScheme {
        secrets: vec![],
        ..scheme("{body}")
    };
    assert_eq!(keyless.check().unwrap_err(), InvalidScheme::NoSecrets);
}

fn any_key() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<u8>(), 24..64).prop_map(|key| {
        use base64::Engine as _;
        format!(
            "whsec_{}",
            base64::engine::general_purpose::STANDARD.encode(key)
        )
    })
}

proptest! {
    #[test]
    fn the_reference_library_makes_what_we_accept(key in any_key(), id in "[a-zA-Z0-9_-]{1,40}", body in ".{0,200}") {
        let theirs = standardwebhooks::Webhook::new(&key).unwrap();
        let signature = theirs.sign(&id, STANDARD_TIME, body.as_bytes()).unwrap();
        let timestamp = STANDARD_TIME.to_string();
        let headers = [("webhook-id", &*id), ("webhook-timestamp", &*timestamp), ("webhook-signature", &*signature)];
        prop_assert_eq!(outcome(&standard(&[&key]), delivery(&headers, body.as_bytes())), "ok");
    }

    #[test]
    fn the_reference_library_accepts_what_we_make(key in any_key(), id in "[a-zA-Z0-9_-]{1,40}", body in ".{0,200}") {
        #[expect(clippy::disallowed_methods, reason = "the reference library looks at the wall clock")]
        let now = Timestamp::now();
        let signed = standard(&[&key]).sign(body.as_bytes(), &id, now, plain).unwrap();
        let theirs = standardwebhooks::Webhook::new(&key).unwrap();
        prop_assert!(theirs.verify(body.as_bytes(), &signed.headers).is_ok());
    }

    #[test]
    fn nothing_passes_once_a_byte_of_it_is_changed(
        body in prop::collection::vec(any::<u8>(), 1..100),
        part in 0_usize..4,
        place in any::<prop::sample::Index>(),
        change in 1_u8..=255,
        standard_scheme in any::<bool>(),
    ) {
        let verifier = if standard_scheme { standard(&[STANDARD_SECRET]) } else { hmac(scheme("{id}.{timestamp}.{body}")) };
        let names = if standard_scheme {
            ["webhook-id", "webhook-timestamp", "webhook-signature"]
        } else {
            ["x-id", "x-timestamp", "x-signature"]
        };
        let signed = verifier.sign(&body, "msg_1", now(), plain).unwrap();
        let (mut headers, mut body) = (signed.headers, body);
        if part == 3 {
            let at = place.index(body.len());
            body[at] ^= change;
        } else {
            let mut value = headers[names[part]].as_bytes().to_vec();
            let at = place.index(value.len());
            let before = value[at];
            value[at] ^= change;
            // The case of a hexadecimal digit says nothing.
            prop_assume!(!value[at].eq_ignore_ascii_case(&before));
            match HeaderValue::from_bytes(&value) {
                Ok(value) => headers.insert(named(names[part]), value),
                Err(_) => return Ok(()),
            };
        }
        let changed = Delivery { headers, body: Bytes::from(body), path_secret: None };
        prop_assert_ne!(outcome(&verifier, changed), "ok");
    }

    #[test]
    fn no_header_makes_it_fail_other_than_by_refusing(value in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            for name in ["webhook-signature", "webhook-timestamp", "webhook-id"] {
                let headers = standard_headers(STANDARD_SIGNATURE);
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let mut delivery = delivery(&headers, BODY);
                delivery.headers.insert(name, value.clone());
                let genuine = standard_headers(STANDARD_SIGNATURE).iter().any(|(other, text)| *other == name && text.as_bytes() == value.as_bytes());
                prop_assert_eq!(outcome(&standard(&[STANDARD_SECRET]), delivery) == "ok", genuine);
            }
        }
    }
}
