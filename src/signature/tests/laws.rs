//! What holds for every delivery.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

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
