//! A keyed hash in a header, under every option.

use super::*;
use crate::signature::signed_text::Stamps;

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
        ("2022-04-07T23:39:13+02", "timestamp_malformed"),
        ("2022-04-07T23:39:13+0200", "timestamp_malformed"),
        ("2022-04-07T23:39:13+02:00:00", "timestamp_malformed"),
        ("20220407T213913Z", "timestamp_malformed"),
        ("+002022-04-07T21:39:13Z", "timestamp_malformed"),
        ("2022-04-07T21:39:13.Z", "timestamp_malformed"),
        ("2022-04-07T21:39:13,25Z", "timestamp_malformed"),
        ("2022-13-07T21:39:13Z", "timestamp_malformed"),
        ("now", "timestamp_malformed"),
        ("1649360000", "timestamp_stale"),
    ] {
        let secret = Secret::new("It's a Secret to Everybody");
        let stamps = Stamps { timestamp, id: "" };
        let signature = check.encode(&check.mac(&secret, BODY, stamps).unwrap().tag());
        let delivery = delivery(
            &[("x-signature", &signature), ("x-timestamp", timestamp)],
            BODY,
        );
        assert_eq!(outcome(&verifier, delivery), reason, "{timestamp}");
    }
}

#[test]
fn an_id_that_could_be_split_in_two_ways_is_refused_even_when_it_is_signed() {
    let check = scheme("{id}.{timestamp}.{body}");
    let verifier = hmac(check.clone());
    let timestamp = STANDARD_TIME.to_string();
    let long = "m".repeat(257);
    for (id, reason) in [
        ("msg_1", "ok"),
        ("msg.1", "id_malformed"),
        ("", "id_malformed"),
        (&long, "id_malformed"),
    ] {
        let stamps = Stamps {
            timestamp: &timestamp,
            id,
        };
        let mac = check.mac(&check.secrets[0], BODY, stamps).unwrap();
        let headers = [
            ("x-signature", &*check.encode(&mac.tag())),
            ("x-timestamp", &timestamp),
            ("x-id", id),
        ];
        assert_eq!(outcome(&verifier, delivery(&headers, BODY)), reason, "{id}");
        let signed = verifier.sign(BODY, id, now(), plain);
        assert_eq!(
            signed.err(),
            (reason != "ok").then_some(Unsignable::Id),
            "what would be refused is not signed"
        );
    }
}

#[test]
fn what_we_send_is_signed_as_its_receiver_checks_it() {
    let outgoing = scheme("{id}.{timestamp}.{body}");
    let headers = outgoing
        .sign_outgoing(BODY, "case-7", now(), plain)
        .unwrap();
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-timestamp", "x-id", "x-signature"]);
    let sent = Delivery {
        headers: headers.into_iter().collect(),
        body: Bytes::from_static(BODY),
        path_secret: None,
    };
    assert_eq!(outcome(&hmac(outgoing.clone()), sent), "ok");
    let refused = |scheme: &HmacScheme<Secret>, id| {
        let signed = scheme.sign_outgoing(BODY, id, now(), plain);
        signed.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&outgoing, "case.7"),
        "the delivery id is empty, too long, or holds a separator of `signed`"
    );
    let unnamed = HmacScheme {
        id_header: None,
        ..outgoing.clone()
    };
    assert_eq!(
        refused(&unnamed, "case-7"),
        "`signed` holds `{id}`; say in `id_header` which header it comes in"
    );
    let empty = HmacScheme {
        secrets: secrets(&[""]),
        ..outgoing.clone()
    };
    assert_eq!(
        refused(&empty, "case-7"),
        "the secret cannot be used: the secret is empty"
    );
    let unreadable = outgoing.sign_outgoing(BODY, "case-7", now(), |_| Err("it is gone"));
    assert_eq!(
        unreadable.unwrap_err(),
        Unsignable::Secret("it is gone".to_owned())
    );
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
                    let passed = verifier.verify(delivery(), now(), plain).unwrap();
                    assert!(passed.proven().signature);
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
fn a_scheme_that_makes_no_sense_is_refused_with_what_to_write() {
    let parse = |template: &str| SignedText::parse(template).unwrap_err();
    assert_eq!(parse("{timestamp}"), InvalidScheme::Body);
    assert_eq!(parse("{body}.{body}"), InvalidScheme::Body);
    assert_eq!(parse("{timestamp}{body}"), InvalidScheme::Touching);
    for ambiguous in [
        "{timestamp}0{body}",
        "{body}.0{timestamp}",
        "{timestamp}0.{body}",
    ] {
        assert_eq!(parse(ambiguous), InvalidScheme::Digit, "{ambiguous}");
    }
    assert!(SignedText::parse("v0{timestamp}.0{body}").is_ok());
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
