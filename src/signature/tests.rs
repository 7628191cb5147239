mod ways;
mod options;
mod standard;
mod hmac;
mod ecdsa;
mod others;
mod laws;

use std::convert::Infallible;

use http::HeaderValue;

use crate::json::Pointer;

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

#[expect(clippy::unnecessary_wraps, reason = "it stands in for reading a file")]
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
        tolerance: DEFAULT_TOLERANCE,
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
