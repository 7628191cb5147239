//! A signature with a key pair, under every form.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};

use super::*;

/// RFC 6979, A.2.5: the key pair.
const PEM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
";
/// RFC 6979, A.2.5: text, `r`, `s`; all with SHA-256.
const VECTORS: [(&str, &str, &str); 2] = [
    (
        "sample",
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    (
        "test",
        "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
        "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
    ),
];

/// A platform's key pair.
pub(super) fn key_pair(seed: u8) -> (SigningKey, Secret) {
    let private = SigningKey::from_slice(&[seed; 32]).unwrap();
    let public = p256::PublicKey::from(private.verifying_key());
    let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
    (private, Secret::new(pem))
}

/// How a platform writes a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Der,
    Fixed,
}

/// How a platform puts a signature into its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// No `json`, the signature alone.
    None,
    /// `json`, and the signature alone.
    Allowed,
    /// `json`, and an object.
    Object,
}

pub(super) fn ecdsa_scheme(signed: &str, key: &Secret) -> EcdsaScheme<Secret> {
    EcdsaScheme {
        header: named("x-signature"),
        encoding: Encoding::Base64,
        json: None,
        signed: SignedText::parse(signed).unwrap(),
        timestamp_header: signed.contains("{timestamp}").then(|| named("x-timestamp")),
        id_header: signed.contains("{id}").then(|| named("x-id")),
        tolerance: DEFAULT_TOLERANCE,
        public_keys: vec![key.clone()],
    }
}

pub(super) fn ecdsa(scheme: EcdsaScheme<Secret>) -> Verifier<Secret> {
    Verifier::new(vec![Check::Ecdsa(scheme.check().unwrap())])
}

/// A signature as the header has it, without what may be around it.
pub(super) fn written(signature: Signature, form: Form, encoding: Encoding) -> String {
    let bytes = match form {
        Form::Der => signature.to_der().as_bytes().to_vec(),
        Form::Fixed => signature.to_bytes().to_vec(),
    };
    encoding.encode(&bytes)
}

pub(super) fn wrapped(signature: &str, wrapping: Wrapping) -> String {
    match wrapping {
        Wrapping::None | Wrapping::Allowed => signature.to_owned(),
        Wrapping::Object => format!(r#"{{"v": "1", "s": "{signature}"}}"#),
    }
}

fn of_rfc(r: &str, s: &str) -> Signature {
    Signature::from_slice(&hex::decode(format!("{r}{s}")).unwrap()).unwrap()
}

fn signed_by(private: &SigningKey, text: &[u8]) -> String {
    written(private.sign(text), Form::Der, Encoding::Base64)
}

#[test]
fn the_vectors_of_rfc_6979_pass_in_every_form() {
    for (text, r, s) in VECTORS {
        for form in [Form::Der, Form::Fixed] {
            for encoding in [Encoding::Hex, Encoding::Base64] {
                let scheme = EcdsaScheme {
                    encoding,
                    ..ecdsa_scheme("{body}", &Secret::new(PEM))
                };
                let signature = written(of_rfc(r, s), form, encoding);
                let sent = |body: &str| delivery(&[("x-signature", &signature)], body.as_bytes());
                let verifier = ecdsa(scheme);
                let passed = verifier.verify(sent(text), now(), plain).unwrap();
                assert_eq!(passed.strength(), Strength::Body);
                assert_eq!(outcome(&verifier, sent("simple")), "signature_wrong");
            }
        }
    }
}

/// Made with `openssl dgst -sha256 -sign` by a key of `openssl ecparam -name prime256v1 -genkey`.
#[test]
fn what_openssl_signs_passes() {
    let pem = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENQY9Wys2Lgk8sJTcnIuIgrhtrk+I
7Qgsb1s69/RtJqOwCCBMdSdAkY565G2YAEAwX5trGhqTYQOvfYthSa8rxQ==
-----END PUBLIC KEY-----";
    let compressed = "-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADNQY9Wys2Lgk8sJTcnIuIgrhtrk+I
7Qgsb1s69/RtJqM=
-----END PUBLIC KEY-----
";
    let signature = "MEYCIQDq78wxu/O4ZZn27KLqC/7ENLiq2+8JVVbzE2+WfamobgIhAPHxp3wsyj38nNJKJ7GXwr6ad7RsnQGJir34jQRNn8xe";
    let body = br#"{"type":"AGENT_ACTION.PENDING_APPROVAL"}"#;
    for pem in [pem, compressed, &pem.replace('\n', "\r\n")] {
        let verifier = ecdsa(ecdsa_scheme("{body}", &Secret::new(pem)));
        let sent = delivery(&[("x-signature", signature)], body);
        assert_eq!(outcome(&verifier, sent), "ok");
    }
}

#[test]
fn the_other_signature_that_can_be_made_of_one_says_the_same() {
    let (text, r, s) = VECTORS[0];
    let signature = of_rfc(r, s);
    let (r, s) = signature.split_scalars();
    let other = Signature::from_scalars(r, -s).unwrap();
    assert_ne!(other, signature);
    let verifier = ecdsa(ecdsa_scheme("{body}", &Secret::new(PEM)));
    let other = written(other, Form::Fixed, Encoding::Base64);
    for (body, reason) in [(text, "ok"), ("simple", "signature_wrong")] {
        let sent = delivery(&[("x-signature", &other)], body.as_bytes());
        assert_eq!(outcome(&verifier, sent), reason);
    }
}

#[test]
fn every_known_forgery_of_an_ecdsa_signature_is_refused() {
    let (_, r, s) = VECTORS[0];
    let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let zero = "0".repeat(64);
    let verifier = ecdsa(EcdsaScheme {
        encoding: Encoding::Hex,
        json: Some(Pointer::parse("/s").unwrap()),
        ..ecdsa_scheme("{body}", &Secret::new(PEM))
    });
    let der = written(of_rfc(r, s), Form::Der, Encoding::Hex);
    for (value, reason) in [
        (format!("{r}{s}"), "ok"),
        (der.clone(), "ok"),
        (format!(r#"{{"s":"{der}"}}"#), "ok"),
        (format!("{s}{r}"), "signature_wrong"),
        // Zeros: what libraries have let through before.
        (format!("{zero}{zero}"), "signature_malformed"),
        ("3006020100020100".to_owned(), "signature_malformed"),
        (format!("{r}{zero}"), "signature_malformed"),
        (format!("{zero}{s}"), "signature_malformed"),
        (format!("{order}{s}"), "signature_malformed"),
        (format!("{r}{order}"), "signature_malformed"),
        (format!("{r}{s}00"), "signature_malformed"),
        (format!("{der}00"), "signature_malformed"),
        (der[..der.len() - 2].to_owned(), "signature_malformed"),
        // A length in more bytes than it needs.
        (der.replacen("3046", "308146", 1), "signature_malformed"),
        (String::new(), "signature_malformed"),
        (format!("sha256={der}"), "signature_malformed"),
        (format!("{der},{der}"), "signature_malformed"),
        ("{}".to_owned(), "signature_malformed"),
        (r#"{"s":1}"#.to_owned(), "signature_malformed"),
        (format!(r#"{{"t":"{der}"}}"#), "signature_malformed"),
        (format!(r#"{{"s":["{der}"]}}"#), "signature_malformed"),
        (
            format!(r#"{{"s":"{zero}","s":"{der}"}}"#),
            "signature_malformed",
        ),
        (format!(r#"{{"s":"{der}"}} "{der}""#), "signature_malformed"),
        (format!(r#""{der}""#), "signature_malformed"),
        (
            format!(r#"{{"s":{}"#, "[".repeat(4_000)),
            "signature_malformed",
        ),
    ] {
        let sent = delivery(&[("x-signature", &value)], b"sample");
        assert_eq!(outcome(&verifier, sent), reason, "{value}");
    }
    let alone = ecdsa(EcdsaScheme {
        encoding: Encoding::Hex,
        ..ecdsa_scheme("{body}", &Secret::new(PEM))
    });
    let object = format!(r#"{{"s":"{der}"}}"#);
    let sent = delivery(&[("x-signature", &object)], b"sample");
    assert_eq!(outcome(&alone, sent), "signature_malformed");
    assert_eq!(
        outcome(&alone, delivery(&[], b"sample")),
        "signature_missing"
    );
}

#[test]
fn of_several_public_keys_any_will_do_and_one_that_is_broken_hides_no_good_one() {
    let ((old, old_pem), (new, new_pem)) = (key_pair(1), key_pair(2));
    let (stranger, _) = key_pair(3);
    let of_keys = |keys: &[&Secret]| {
        ecdsa(EcdsaScheme {
            public_keys: keys.iter().map(|key| (*key).clone()).collect(),
            ..ecdsa_scheme("{body}", &old_pem)
        })
    };
    let by = |private: &SigningKey| delivery(&[("x-signature", &signed_by(private, BODY))], BODY);
    let rotating = of_keys(&[&new_pem, &old_pem]);
    assert_eq!(outcome(&rotating, by(&old)), "ok");
    assert_eq!(outcome(&rotating, by(&new)), "ok");
    assert_eq!(outcome(&rotating, by(&stranger)), "signature_wrong");
    for broken in ["", "no key", "-----BEGIN PUBLIC KEY-----"] {
        let broken = Secret::new(broken);
        let verifier = of_keys(&[&broken, &new_pem]);
        assert_eq!(outcome(&verifier, by(&new)), "ok");
        let refused = verifier.verify(by(&old), now(), plain).err().unwrap();
        assert_eq!(refused.reason(), "secret_unusable");
        assert_eq!(
            refused.to_string(),
            "the sender could not be verified now; try again later"
        );
    }
    let unreadable = rotating.verify(by(&old), now(), |key| match key.expose() {
        text if text == old_pem.expose() => Err("cannot read the secret file `/run/x`"),
        _ => Ok(key.clone()),
    });
    assert_eq!(unreadable.err().unwrap().reason(), "secret_unusable");
    assert_eq!(rotating.secrets().count(), 2);
}

#[test]
fn only_the_platform_can_sign_with_its_private_key() {
    let (_, pem) = key_pair(1);
    let refused = ecdsa(ecdsa_scheme("{body}", &pem)).sign(BODY, "1", now(), plain);
    assert_eq!(
        refused.err().unwrap().to_string(),
        "`ecdsa` is signed with the platform's private key, which nobody else has"
    );
}

#[test]
fn a_scheme_without_a_key_or_with_an_unsigned_header_is_refused() {
    let (_, pem) = key_pair(1);
    let keyless = EcdsaScheme::<Secret> {
        public_keys: vec![],
        ..ecdsa_scheme("{body}", &pem)
    };
    assert_eq!(
        keyless.check().unwrap_err().to_string(),
        "`public_keys` is empty; give at least one"
    );
    let unsigned = EcdsaScheme {
        id_header: Some(named("x-id")),
        ..ecdsa_scheme("{body}", &pem)
    };
    assert!(matches!(
        unsigned.check().unwrap_err(),
        InvalidScheme::NotSigned { .. }
    ));
    let endless = EcdsaScheme {
        tolerance: SignedDuration::ZERO,
        ..ecdsa_scheme("{body}", &pem)
    };
    assert_eq!(endless.check().unwrap_err(), InvalidScheme::Tolerance);
}

#[test]
fn a_key_of_another_kind_is_told_from_a_damaged_one() {
    let ed25519 = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAlzbJ6Gogg0G8KVHhPqnQYICdWWp1IMgEjStuI+8BboY=
-----END PUBLIC KEY-----";
    let p384 = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEKlCLcjlzlY+vS6QvG/uvy5kSDN7Lk5kW
vSzQPzbx05D7c/iE8IfKeLutbyBMlVhvU+SFit5Xd6sR62Yu2i8qnbEktBHuM6n0
XYmkPozvsVDgA0Q5OmVJs5SjSCXKDJqn
-----END PUBLIC KEY-----";
    let secp256k1 = "-----BEGIN PUBLIC KEY-----
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEkh34petHJOb8RUEs7dLOQ/wNjQI2/Lhe
Y0BaqF7p8Py7orECSfxFPX/vNuM8SL6OUEAGdpUxUYFFj/XlOgChMg==
-----END PUBLIC KEY-----";
    // The last byte of `y` is another one: no point of the curve.
    let off_the_curve = PEM.replace("YimQ==", "YimA==");
    for (pem, wrong) in [
        (ed25519, InvalidPublicKey::OtherAlgorithm),
        (p384, InvalidPublicKey::OtherAlgorithm),
        (secp256k1, InvalidPublicKey::OtherAlgorithm),
        (&off_the_curve, InvalidPublicKey::Damaged),
        (&PEM.replace("MFkw", "MFkx"), InvalidPublicKey::Damaged),
        (&PEM[..100], InvalidPublicKey::Damaged),
        ("", InvalidPublicKey::NotPem),
        (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            InvalidPublicKey::NotPem,
        ),
        (
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            InvalidPublicKey::NotPem,
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----",
            InvalidPublicKey::Private,
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMHcC\n-----END PRIVATE KEY-----",
            InvalidPublicKey::Private,
        ),
    ] {
        assert_eq!(PublicKey::parse(pem).err(), Some(wrong), "{pem}");
    }
    assert!(PublicKey::parse(PEM).is_ok());
    assert!(PublicKey::parse(PEM.trim_end()).is_ok());
}
