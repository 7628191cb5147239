use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::secret::Secret;
use crate::signature::Unverified;

/// The example of <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const STAMP: &str = "1531420618";
const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn verify(
    secrets: &[&str],
    body: &'static str,
    signature: &'static str,
    now: i64,
) -> Result<(), Unverified> {
    let secrets = secrets.iter().map(|&secret| Secret::new(secret));
    let secrets = secrets.map(|secret| Credential::written(secret).unwrap());
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, signature.parse().unwrap());
    headers.insert(TIMESTAMP, STAMP.parse().unwrap());
    let delivery = Delivery {
        headers,
        body: Bytes::from_static(body.as_bytes()),
        path_secret: None,
    };
    let now = Timestamp::from_second(now).unwrap();
    let verifier = verifier(secrets.collect()).unwrap();
    verifier.verify(delivery, now, Credential::read).map(drop)
}

#[test]
fn the_example_of_slacks_documentation_is_verified() {
    assert_eq!(verify(&[SECRET], BODY, SIGNED, 1_531_420_618), Ok(()));
    let exchanged = ["the-next-secret", SECRET];
    assert_eq!(verify(&exchanged, BODY, SIGNED, 1_531_420_618), Ok(()));
}

#[test]
fn five_minutes_both_ways_are_allowed_and_not_a_second_more() {
    for (now, fits) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let verified = verify(&[SECRET], BODY, SIGNED, 1_531_420_618 + now);
        assert_eq!(verified.is_ok(), fits, "{now}: {verified:?}");
    }
}

#[test]
fn another_body_or_another_secret_is_not() {
    let wrong = Err(Unverified::SignatureWrong(SIGNATURE));
    assert_eq!(verify(&["another"], BODY, SIGNED, 1_531_420_618), wrong);
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G";
    assert_eq!(verify(&[SECRET], body, SIGNED, 1_531_420_618), wrong);
}

#[test]
fn an_app_without_a_signing_secret_takes_nothing() {
    assert!(verifier(Vec::new()).is_err());
}
