use super::*;
use crate::signature::{
    Algorithm, Check, Delivery, Encoding, HmacScheme, SignedText, Strength, Verifier,
};

async fn authorization(auth: &Auth, own: Option<&Secret>) -> String {
    let platform = Platform::answering(200, &[], "{}").await;
    let mut outgoing = answer(&platform.url);
    // What the config writes there itself gives way.
    let written = HeaderValue::from_static("written");
    outgoing.headers.insert(header::AUTHORIZATION, written);
    api()
        .call(outgoing, Some(auth), own, "case-7", now())
        .await
        .unwrap();
    let received = platform.received();
    let sent: Vec<_> = received[0]
        .headers
        .get_all(header::AUTHORIZATION)
        .iter()
        .collect();
    assert_eq!(sent.len(), 1);
    sent[0].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_kind_of_credential_is_sent_as_its_kind_is() {
    let own = Secret::new("own");
    let bearer = Auth::Bearer(credential("swordfish"));
    assert_eq!(authorization(&bearer, Some(&own)).await, "Bearer swordfish");
    assert_eq!(
        authorization(&Auth::OwnToken, Some(&own)).await,
        "Bearer own"
    );
    let basic = Auth::Basic {
        user: "Aladdin".to_owned(),
        password: credential("open sesame"),
    };
    // RFC 7617, section 2.
    assert_eq!(
        authorization(&basic, None).await,
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    let platform = Platform::answering(200, &[], "{}").await;
    let header = Auth::Header {
        name: HeaderName::from_static("x-api-key"),
        value: credential("swordfish"),
    };
    sent(&api(), &platform.url, &header).await.unwrap();
    let received = platform.received();
    assert_eq!(received[0].headers["x-api-key"], "swordfish");
    assert_eq!(received[0].headers.get("authorization"), None);
}

#[tokio::test]
async fn our_signature_over_our_body_holds_at_the_other_side() {
    let scheme = HmacScheme {
        header: HeaderName::from_static("x-signature"),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".to_owned(),
        signed: SignedText::parse("{id}.{timestamp}.{body}").unwrap(),
        timestamp_header: Some(HeaderName::from_static("x-timestamp")),
        id_header: Some(HeaderName::from_static("x-id")),
        tolerance: SignedDuration::from_mins(5),
        secrets: vec![credential("signing key")],
    };
    let platform = Platform::answering(200, &[], "{}").await;
    let auth = Auth::Hmac(scheme.clone());
    sent(&api(), &platform.url, &auth).await.unwrap();
    let arrived = platform.received().remove(0);
    assert_eq!(arrived.headers["x-id"], "case-7");
    let receiver = Verifier::new(vec![Check::Hmac(scheme.check().unwrap())]);
    let delivery = |body| Delivery {
        headers: arrived.headers.clone(),
        body,
        path_secret: None,
    };
    let verified = receiver.verify(delivery(arrived.body.clone()), now(), Credential::read);
    assert_eq!(
        verified.map(|verified| verified.strength()).unwrap(),
        Strength::Body
    );
    let other = receiver.verify(delivery(Bytes::from_static(b"{}")), now(), Credential::read);
    assert!(other.is_err());
}

#[tokio::test]
async fn a_call_that_lacks_its_proof_does_not_leave() {
    let platform = Platform::answering(200, &[], "{}").await;
    let gone = || Credential::in_file("/nonexistent/secret");
    let in_header = |value| Auth::Header {
        name: HeaderName::from_static("x-api-key"),
        value,
    };
    let basic = |user: &str, password| Auth::Basic {
        user: user.to_owned(),
        password,
    };
    for auth in [
        Auth::Bearer(gone()),
        in_header(gone()),
        basic("key", gone()),
        Auth::Login(login::logging_in(&platform, gone())),
    ] {
        let error = sent(&api(), &platform.url, &auth).await.unwrap_err();
        let NoCall::Retry {
            after: None,
            error,
            reach,
        } = error
        else {
            panic!("{auth:?}: {error:?}")
        };
        assert_eq!(reach, Reach::NotReached);
        assert_eq!(
            error,
            "the credential cannot be read: cannot read the secret file `/nonexistent/secret`"
        );
    }
    for auth in [
        Auth::Bearer(credential("two\nlines")),
        in_header(credential("two\nlines")),
        basic("with:colon", credential("x")),
    ] {
        let error = sent(&api(), &platform.url, &auth).await.unwrap_err();
        assert!(matches!(error, NoCall::Alert { .. }), "{auth:?}: {error:?}");
        assert!(!format!("{error:?}").contains("lines"));
    }
    for own in [None, Some(Secret::new("two\nlines"))] {
        let result = api()
            .call(
                answer(&platform.url),
                Some(&Auth::OwnToken),
                own.as_ref(),
                "",
                now(),
            )
            .await;
        assert!(matches!(result, Err(NoCall::Failed { .. })), "{own:?}");
    }
    assert_eq!(platform.received(), []);
}

#[test]
fn what_is_shown_of_a_proof_holds_no_secret() {
    let basic = Auth::Basic {
        user: "key-id".to_owned(),
        password: credential("swordfish"),
    };
    let in_header = Auth::Header {
        name: HeaderName::from_static("x-api-key"),
        value: credential("swordfish"),
    };
    for (auth, name, value) in [
        (
            Auth::Bearer(credential("swordfish")),
            "authorization",
            "Bearer ***",
        ),
        (Auth::OwnToken, "authorization", "Bearer ***"),
        (basic, "authorization", "Basic ***"),
        (in_header, "x-api-key", "***"),
    ] {
        assert_eq!(auth.outline(), [(name.to_owned(), value.to_owned())]);
    }
}
