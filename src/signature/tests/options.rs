//! Every option of every way to verify: what passes, and what each change of it is refused with.

use super::ways::{Way, Who, every_way};
use super::*;

/// What a way refuses with.
struct Reasons {
    missing: &'static str,
    repeated: &'static str,
    wrong: &'static str,
}

fn reasons(way: Way) -> Reasons {
    let [missing, repeated, wrong] = match way {
        Way::Hmac { .. } | Way::Ecdsa { .. } | Way::StandardWebhooks { .. } => {
            ["signature_missing", "signature_repeated", "signature_wrong"]
        }
        Way::StaticHeader => ["header_missing", "header_wrong", "header_wrong"],
        Way::SecretPath => ["path_wrong"; 3],
        Way::BearerToken => ["token_missing", "token_missing", "token_wrong"],
        Way::UserAgent => ["user_agent_wrong"; 3],
    };
    Reasons {
        missing,
        repeated,
        wrong,
    }
}

fn copy(sent: &Delivery) -> Delivery {
    Delivery {
        headers: sent.headers.clone(),
        body: sent.body.clone(),
        path_secret: sent.path_secret.clone(),
    }
}

fn without(sent: &Delivery, header: &str) -> Delivery {
    let mut sent = copy(sent);
    sent.headers.remove(header).unwrap();
    sent
}

fn twice(sent: &Delivery, header: &str) -> Delivery {
    let mut sent = copy(sent);
    let value = sent.headers[header].clone();
    sent.headers.append(named(header), value);
    sent
}

fn instead(sent: &Delivery, header: &str, value: &str) -> Delivery {
    let mut sent = copy(sent);
    let value = HeaderValue::from_str(value).unwrap();
    sent.headers.insert(named(header), value).unwrap();
    sent
}

#[test]
fn under_every_option_the_platform_passes_and_nothing_else() {
    let ways = every_way();
    assert_eq!(ways.len(), 4 + 4 + 8 * 2 * (3 * 2 + 2 * 3));
    for way in ways {
        let verifier = way.verifier(Who::Platform);
        let reasons = reasons(way);
        let headers = way.headers();
        let good = way.send(BODY, "msg_1");
        let told = |sent: Delivery| outcome(&verifier, sent);

        let passed = verifier.verify(copy(&good), now(), plain);
        let passed = passed.unwrap_or_else(|refused| panic!("{way:?}: {refused}"));
        assert_eq!(passed.strength(), way.proves(), "{way:?}");

        let stranger = way.verifier(Who::Stranger);
        assert_eq!(outcome(&stranger, copy(&good)), reasons.wrong, "{way:?}");

        let mut other_body = copy(&good);
        other_body.body = Bytes::from_static(b"{}");
        let signed = way.proves() == Strength::Body;
        let expected = if signed { reasons.wrong } else { "ok" };
        assert_eq!(told(other_body), expected, "{way:?}");

        if let Some(proof) = headers.proof {
            assert_eq!(told(without(&good, proof)), reasons.missing, "{way:?}");
            assert_eq!(told(twice(&good, proof)), reasons.repeated, "{way:?}");
        } else {
            let mut sent = copy(&good);
            sent.path_secret = None;
            assert_eq!(told(sent), reasons.missing, "{way:?}");
        }
        if let Some(id) = headers.id {
            assert_eq!(told(without(&good, id)), "id_missing", "{way:?}");
            assert_eq!(told(twice(&good, id)), "id_malformed", "{way:?}");
            assert_eq!(told(instead(&good, id, "msg_2")), reasons.wrong, "{way:?}");
            assert_eq!(told(instead(&good, id, "")), "id_malformed", "{way:?}");
        }
        let tolerance = way.tolerance();
        let second = SignedDuration::from_secs(1);
        let moments = [
            (tolerance, "ok"),
            (-tolerance, "ok"),
            (tolerance + second, "timestamp_stale"),
            (-tolerance - second, "timestamp_ahead"),
        ];
        for (offset, reason) in moments {
            let at = now() + offset;
            let reason = if headers.timestamp.is_some() {
                reason
            } else {
                "ok"
            };
            let sent = copy(&good);
            assert_eq!(outcome_at(&verifier, sent, at), reason, "{way:?}");
        }
        if let Some(timestamp) = headers.timestamp {
            let next = (STANDARD_TIME + 1).to_string();
            for (sent, reason) in [
                (without(&good, timestamp), "timestamp_missing"),
                (twice(&good, timestamp), "timestamp_malformed"),
                (instead(&good, timestamp, "soon"), "timestamp_malformed"),
                (instead(&good, timestamp, &next), reasons.wrong),
            ] {
                assert_eq!(told(sent), reason, "{way:?}");
            }
        }
    }
}

#[test]
fn what_passes_one_way_passes_no_other() {
    // One of each kind, and schemes that differ in one option only.
    let signed = "{timestamp}.{body}";
    let tolerance = DEFAULT_TOLERANCE;
    let hmac = |algorithm, encoding, prefix, signed| Way::Hmac {
        algorithm,
        encoding,
        prefix,
        signed,
        tolerance,
    };
    let ways = [
        hmac(Algorithm::Sha256, Encoding::Hex, "", signed),
        hmac(Algorithm::Sha512, Encoding::Hex, "", signed),
        hmac(Algorithm::Sha256, Encoding::Base64, "", signed),
        hmac(Algorithm::Sha256, Encoding::Hex, "sha256=", signed),
        hmac(Algorithm::Sha256, Encoding::Hex, "", "{body}"),
        hmac(Algorithm::Sha256, Encoding::Hex, "", "{body}|{timestamp}"),
        hmac(
            Algorithm::Sha256,
            Encoding::Hex,
            "",
            "v0:{timestamp}:{body}",
        ),
        Way::Ecdsa {
            form: ecdsa::Form::Der,
            encoding: Encoding::Base64,
            wrapping: ecdsa::Wrapping::None,
            signed,
            tolerance,
        },
        Way::StandardWebhooks {
            prefix: "whsec_",
            tolerance,
        },
        Way::StaticHeader,
        Way::SecretPath,
        Way::BearerToken,
        Way::UserAgent,
    ];
    for (place, sender) in ways.iter().enumerate() {
        for (other, receiver) in ways.iter().enumerate() {
            let sent = sender.send(BODY, "msg_1");
            let passes = outcome(&receiver.verifier(Who::Platform), sent) == "ok";
            assert_eq!(passes, place == other, "{sender:?} to {receiver:?}");
        }
    }
}
