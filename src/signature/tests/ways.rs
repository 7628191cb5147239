//! Every way in which a sender can prove who they are, each with a delivery that passes.

use http::header;
use p256::ecdsa::signature::Signer as _;

use super::ecdsa::{Form, Wrapping, ecdsa, ecdsa_scheme, key_pair, wrapped, written};
use super::*;
use crate::signature::signed_text::Stamps;

/// What may be signed, and the tolerance that is tried with it, in seconds.
const TEMPLATES: [(&str, i64); 8] = [
    ("{body}", 300),
    ("{timestamp}.{body}", 300),
    ("{timestamp}.{body}", 1),
    ("v0:{timestamp}:{body}", 3_600),
    ("{id}.{body}", 300),
    ("{id}.{timestamp}.{body}", 30),
    ("{body}|{timestamp}", 300),
    ("<{timestamp}|{body}|{id}>", 300),
];

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Hmac {
        algorithm: Algorithm,
        encoding: Encoding,
        prefix: &'static str,
        signed: &'static str,
        tolerance: SignedDuration,
    },
    Ecdsa {
        form: Form,
        encoding: Encoding,
        wrapping: Wrapping,
        signed: &'static str,
        tolerance: SignedDuration,
    },
    StandardWebhooks {
        /// What stands before the secret.
        prefix: &'static str,
        tolerance: SignedDuration,
    },
    StaticHeader,
    SecretPath,
    BearerToken,
    UserAgent,
}

/// Who checks, and who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Platform,
    Stranger,
}

/// The headers of a way, by what they hold.
pub(super) struct Headers {
    /// What proves the sender.
    pub(super) proof: Option<&'static str>,
    pub(super) timestamp: Option<&'static str>,
    pub(super) id: Option<&'static str>,
}

pub(super) fn every_way() -> Vec<Way> {
    let mut ways = vec![
        Way::StaticHeader,
        Way::SecretPath,
        Way::BearerToken,
        Way::UserAgent,
    ];
    for seconds in [1, 300] {
        for prefix in ["", "whsec_"] {
            ways.push(Way::StandardWebhooks {
                prefix,
                tolerance: SignedDuration::from_secs(seconds),
            });
        }
    }
    for (signed, seconds) in TEMPLATES {
        let tolerance = SignedDuration::from_secs(seconds);
        for encoding in [Encoding::Hex, Encoding::Base64] {
            for prefix in ["", "sha256=", "t "] {
                for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                    ways.push(Way::Hmac {
                        algorithm,
                        encoding,
                        prefix,
                        signed,
                        tolerance,
                    });
                }
            }
            for form in [Form::Der, Form::Fixed] {
                for wrapping in [Wrapping::None, Wrapping::Allowed, Wrapping::Object] {
                    ways.push(Way::Ecdsa {
                        form,
                        encoding,
                        wrapping,
                        signed,
                        tolerance,
                    });
                }
            }
        }
    }
    ways
}

impl Way {
    /// The check that lets `who` in.
    pub(super) fn verifier(self, who: Who) -> Verifier<Secret> {
        let secret = |text: &str| match who {
            Who::Platform => Secret::new(text),
            Who::Stranger => Secret::new(format!("other{text}")),
        };
        match self {
            Self::Hmac {
                algorithm,
                encoding,
                prefix,
                signed,
                tolerance,
            } => hmac(HmacScheme {
                algorithm,
                encoding,
                prefix: prefix.to_owned(),
                tolerance,
                secrets: vec![secret("It's a Secret to Everybody")],
                ..scheme(signed)
            }),
            Self::Ecdsa {
                encoding,
                wrapping,
                signed,
                tolerance,
                ..
            } => ecdsa(EcdsaScheme {
                encoding,
                json: (wrapping != Wrapping::None).then(|| Pointer::parse("/s").unwrap()),
                tolerance,
                ..ecdsa_scheme(signed, &key_pair(who as u8 + 1).1)
            }),
            Self::StandardWebhooks { prefix, tolerance } => {
                let key = match who {
                    Who::Platform => "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                    Who::Stranger => "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                };
                Verifier::new(vec![Check::StandardWebhooks {
                    secrets: secrets(&[&format!("{prefix}{key}")]),
                    tolerance,
                }])
            }
            Self::StaticHeader => Verifier::new(vec![Check::StaticHeader {
                name: named("x-secret"),
                secrets: vec![secret("s3cret")],
            }]),
            Self::SecretPath => Verifier::new(vec![Check::SecretPath {
                secrets: vec![secret("in-the-path")],
            }]),
            Self::BearerToken => Verifier::new(vec![Check::BearerToken {
                tokens: vec![NamedToken {
                    name: "billing".to_owned(),
                    token: secret("b-token"),
                }],
            }]),
            Self::UserAgent => Verifier::new(vec![Check::UserAgent {
                expected: secret("Platform/1.0").expose().to_owned(),
            }]),
        }
    }

    /// What the platform sends.
    pub(super) fn send(self, body: &[u8], id: &str) -> Delivery {
        let Self::Ecdsa {
            form,
            encoding,
            wrapping,
            signed,
            ..
        } = self
        else {
            let verifier = self.verifier(Who::Platform);
            let signed = verifier.sign(body, id, now(), plain).unwrap();
            return Delivery {
                headers: signed.headers,
                body: Bytes::copy_from_slice(body),
                path_secret: signed.path_secret,
            };
        };
        let timestamp = now().as_second().to_string();
        let stamps = Stamps {
            timestamp: &timestamp,
            id,
        };
        let text = SignedText::parse(signed).unwrap();
        let text: Vec<_> = text.fill(body, stamps).collect();
        let signature = key_pair(Who::Platform as u8 + 1).0.sign(&text.concat());
        let value = wrapped(&written(signature, form, encoding), wrapping);
        let headers = self.headers();
        let all = [
            headers.proof.map(|name| (name, &*value)),
            headers.timestamp.map(|name| (name, &*timestamp)),
            headers.id.map(|name| (name, id)),
        ];
        delivery(&all.into_iter().flatten().collect::<Vec<_>>(), body)
    }

    pub(super) fn headers(self) -> Headers {
        let of_template = |signed: &str| Headers {
            proof: Some("x-signature"),
            timestamp: signed.contains("{timestamp}").then_some("x-timestamp"),
            id: signed.contains("{id}").then_some("x-id"),
        };
        let alone = |proof| Headers {
            proof,
            timestamp: None,
            id: None,
        };
        match self {
            Self::Hmac { signed, .. } | Self::Ecdsa { signed, .. } => of_template(signed),
            Self::StandardWebhooks { .. } => Headers {
                proof: Some("webhook-signature"),
                timestamp: Some("webhook-timestamp"),
                id: Some("webhook-id"),
            },
            Self::StaticHeader => alone(Some("x-secret")),
            Self::SecretPath => alone(None),
            Self::BearerToken => alone(Some(header::AUTHORIZATION.as_str())),
            Self::UserAgent => alone(Some(header::USER_AGENT.as_str())),
        }
    }

    /// Where, in the header of the proof, a change of any byte must count.
    pub(super) fn proof_in(self, value: &str) -> std::ops::Range<usize> {
        match self {
            // What is around it in the object is not signed, and is not read.
            Self::Ecdsa {
                wrapping: Wrapping::Object,
                ..
            } => {
                let start = value.find(r#""s": ""#).unwrap() + r#""s": ""#.len();
                start..value.len() - r#""}"#.len()
            }
            // The scheme's name is written in any case.
            Self::BearerToken => "Bearer ".len()..value.len(),
            Self::Hmac { .. }
            | Self::Ecdsa { .. }
            | Self::StandardWebhooks { .. }
            | Self::StaticHeader
            | Self::SecretPath
            | Self::UserAgent => 0..value.len(),
        }
    }

    /// Whether the proof means the same in upper and in lower case.
    pub(super) fn ignores_case(self) -> bool {
        match self {
            Self::Hmac { encoding, .. } | Self::Ecdsa { encoding, .. } => encoding == Encoding::Hex,
            Self::StandardWebhooks { .. }
            | Self::StaticHeader
            | Self::SecretPath
            | Self::BearerToken
            | Self::UserAgent => false,
        }
    }

    pub(super) fn tolerance(self) -> SignedDuration {
        match self {
            Self::Hmac { tolerance, .. }
            | Self::Ecdsa { tolerance, .. }
            | Self::StandardWebhooks { tolerance, .. } => tolerance,
            Self::StaticHeader | Self::SecretPath | Self::BearerToken | Self::UserAgent => {
                DEFAULT_TOLERANCE
            }
        }
    }

    pub(super) fn proves(self) -> Strength {
        match self {
            Self::Hmac { .. } | Self::Ecdsa { .. } | Self::StandardWebhooks { .. } => {
                Strength::Body
            }
            Self::StaticHeader | Self::SecretPath | Self::BearerToken => Strength::Sender,
            Self::UserAgent => Strength::Nothing,
        }
    }
}
