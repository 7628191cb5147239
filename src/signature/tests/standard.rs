//! Standard Webhooks, with what its own libraries are tested with.
//!
//! The vectors and headers are those of github.com/standard-webhooks/standard-webhooks, in
//! `libraries/javascript/src/webhook.test.ts` (the first vector: also in the tests for Go, PHP and Python) and in
//! `libraries/rust/src/lib.rs` (the second).

use super::*;

/// Secret, id, time, body, signature.
const VECTORS: [(&str, &str, i64, &[u8], &str); 2] = [
    (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        STANDARD_SECRET,
        STANDARD_ID,
        STANDARD_TIME,
        BODY,
        STANDARD_SIGNATURE,
    ),
];

#[test]
fn the_published_vectors_pass_and_are_what_we_make() {
    for (secret, id, time, body, signature) in VECTORS {
        let at = Timestamp::from_second(time).unwrap();
        let (timestamp, bare) = (time.to_string(), secret.trim_start_matches("whsec_"));
        for secret in [secret, bare] {
            let verifier = standard(&[secret]);
            let headers = |signature| {
                [
                    ("webhook-id", id),
                    ("webhook-timestamp", &*timestamp),
                    ("webhook-signature", signature),
                ]
            };
            let sent = delivery(&headers(signature), body);
            let passed = verifier.verify(sent, at, plain).unwrap();
            assert_eq!(passed.strength(), Strength::Body);
            let made = verifier.sign(body, id, at, plain).unwrap();
            let expected = delivery(&headers(signature), body).headers;
            assert_eq!(made.headers, expected);

            let ceo = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
            let several = format!("v1,{ceo} v2,{ceo} {signature} v1,{ceo}");
            let wrong = format!("v1,{ceo} v2,{ceo}");
            for (signature, reason) in [
                (&*several, "ok"),
                (&wrong, "signature_wrong"),
                ("v1,dawfeoifkpqwoekfpqoekf", "signature_malformed"),
                (&signature[..8], "signature_malformed"),
                ("v1,", "signature_malformed"),
            ] {
                let sent = delivery(&headers(signature), body);
                assert_eq!(outcome_at(&verifier, sent, at), reason, "{signature}");
            }
            for (offset, reason) in [(301, "timestamp_stale"), (-301, "timestamp_ahead")] {
                let later = Timestamp::from_second(time + offset).unwrap();
                let sent = delivery(&headers(signature), body);
                assert_eq!(outcome_at(&verifier, sent, later), reason);
            }
            let mut hello = delivery(&headers(signature), body);
            let timestamp = HeaderValue::from_static("hello");
            hello.headers.insert("webhook-timestamp", timestamp);
            assert_eq!(outcome_at(&verifier, hello, at), "timestamp_malformed");
        }
    }
}

#[test]
fn one_good_signature_among_others_is_enough() {
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
