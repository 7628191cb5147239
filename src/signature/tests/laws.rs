//! What holds for every delivery.

use http::HeaderValue;
use proptest::prelude::*;

use super::ways::{Way, Who, every_way};
use super::*;

fn any_way() -> impl Strategy<Value = Way> {
    prop::sample::select(every_way())
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
    fn with_the_reference_library_either_key_of_a_rotation_is_enough(
        (old, new, other) in (any_key(), any_key(), any_key()),
        bare in any::<bool>(),
        id in "[a-zA-Z0-9_-]{1,40}",
        body in ".{0,200}",
    ) {
        let theirs = |key: &str| standardwebhooks::Webhook::new(key).unwrap();
        let written = |key: &str| if bare { key.trim_start_matches("whsec_").to_owned() } else { key.to_owned() };
        let body = body.as_bytes();
        let timestamp = STANDARD_TIME.to_string();
        let ours = standard(&[&written(&new), &written(&old)]);
        let by = |key| theirs(key).sign(&id, STANDARD_TIME, body).unwrap();
        let both = format!("{} v1a,AAAA {}", by(&other), by(&new));
        for (signature, reason) in [(by(&old), "ok"), (by(&new), "ok"), (both, "ok"), (by(&other), "signature_wrong")] {
            let headers = [("webhook-id", &*id), ("webhook-timestamp", &*timestamp), ("webhook-signature", &*signature)];
            prop_assert_eq!(outcome(&ours, delivery(&headers, body)), reason);
        }

        #[expect(clippy::disallowed_methods, reason = "the reference library looks at the wall clock")]
        let now = Timestamp::now();
        let signed = |key: &str| standard(&[&written(key)]).sign(body, &id, now, plain).unwrap().headers;
        let signature = |key: &str| signed(key)["webhook-signature"].to_str().unwrap().to_owned();
        let mut headers = signed(&old);
        let both = format!("{} {}", signature(&old), signature(&new));
        headers.insert("webhook-signature", HeaderValue::from_str(&both).unwrap());
        prop_assert!(theirs(&old).verify(body, &headers).is_ok());
        prop_assert!(theirs(&new).verify(body, &headers).is_ok());
        prop_assert!(theirs(&other).verify(body, &headers).is_err());
    }

    #[test]
    fn nothing_passes_once_a_byte_of_it_is_changed(
        way in any_way(),
        body in prop::collection::vec(any::<u8>(), 1..100),
        id in "[a-zA-Z0-9_-]{1,40}",
        part in 0_usize..4,
        place in any::<prop::sample::Index>(),
        change in 1_u8..=255,
    ) {
        let mut sent = way.send(&body, &id);
        let headers = way.headers();
        let header = [headers.proof, headers.timestamp, headers.id, None][part];
        if let Some(name) = header {
            let mut value = sent.headers[name].as_bytes().to_vec();
            let range = match part {
                0 => way.proof_in(sent.headers[name].to_str().unwrap()),
                _ => 0..value.len(),
            };
            let at = range.start + place.index(range.len());
            let before = value[at];
            value[at] ^= change;
            prop_assume!(part != 0 || !way.ignores_case() || !value[at].eq_ignore_ascii_case(&before));
            match HeaderValue::from_bytes(&value) {
                Ok(value) => sent.headers.insert(named(name), value),
                Err(_) => return Ok(()),
            };
        } else if let Some(secret) = &sent.path_secret {
            let mut secret = secret.expose().as_bytes().to_vec();
            let at = place.index(secret.len());
            secret[at] ^= change;
            match String::from_utf8(secret) {
                Ok(secret) => sent.path_secret = Some(Secret::new(secret)),
                Err(_) => return Ok(()),
            }
        } else if way.proves() == Strength::Body {
            let mut changed = body;
            let at = place.index(changed.len());
            changed[at] ^= change;
            sent.body = Bytes::from(changed);
        } else {
            return Ok(());
        }
        prop_assert_ne!(outcome(&way.verifier(Who::Platform), sent), "ok");
    }

    #[test]
    fn the_order_of_the_headers_and_headers_nobody_reads_change_nothing(
        way in any_way(),
        left_out in prop::option::of(0_usize..3),
        noise in prop::collection::vec(("x-other-[a-z]{1,8}", "[ -~]{0,20}"), 0..4),
        order in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let mut sent = way.send(BODY, "msg_1");
        let headers = way.headers();
        if let Some(name) = left_out.and_then(|part| [headers.proof, headers.timestamp, headers.id][part]) {
            sent.headers.remove(name);
        }
        let mut all: Vec<_> = sent.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        all.extend(noise.iter().map(|(name, value)| (named(name), HeaderValue::from_str(value).unwrap())));
        let mut shuffled = HeaderMap::new();
        for index in order {
            if !all.is_empty() {
                let (name, value) = all.swap_remove(index.index(all.len()));
                shuffled.append(name, value);
            }
        }
        let other = Delivery { headers: shuffled, body: sent.body.clone(), path_secret: sent.path_secret.clone() };
        let verifier = way.verifier(Who::Platform);
        prop_assert_eq!(outcome(&verifier, other), outcome(&verifier, sent));
    }

    #[test]
    fn no_header_makes_it_fail_other_than_by_refusing(
        way in any_way(),
        part in 0_usize..3,
        value in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let headers = way.headers();
        let header = [headers.proof, headers.timestamp, headers.id][part];
        if let (Ok(value), Some(name)) = (HeaderValue::from_bytes(&value), header) {
            let mut sent = way.send(BODY, "msg_1");
            let genuine = sent.headers[name] == value;
            sent.headers.insert(name, value);
            prop_assert_eq!(outcome(&way.verifier(Who::Platform), sent) == "ok", genuine);
        }
    }
}
