//! A signature that only the platform can make: ECDSA over P-256 and SHA-256, held against its public key.
//!
//! Whoever has such a signature can make a second one for the same text (`s` and its negative both hold). That gains
//! nothing here: deliveries are told apart by what is signed, never by their signatures.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::signature::{MultipartSigner as _, MultipartVerifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::spki;
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};

use super::check::{ReadSecret, any_secret, only_signature};
use super::hmac::Encoding;
use super::sign::header_value;
use super::signed_text::{Coverage, InvalidScheme, SignedText, Stamps};
use super::{Delivery, Unsignable, Unverified};
use crate::json::{self, Pointer};
use crate::secret::Secret;

/// How a platform signs with its private key, as the config has it. [`EcdsaScheme::check`] makes a check of it.
#[derive(Debug, Clone)]
pub struct EcdsaScheme<S> {
    /// The header with the signature.
    pub header: HeaderName,
    /// How the signature is written: ASN.1 DER or 64 bytes, in this encoding.
    pub encoding: Encoding,
    /// Where the signature is if the header holds a JSON object. The signature alone is taken too.
    pub json: Option<Pointer>,
    /// What is signed.
    pub signed: SignedText,
    /// The header with the timestamp, if that is signed.
    pub timestamp_header: Option<HeaderName>,
    /// The header with the delivery id, if that is signed.
    pub id_header: Option<HeaderName>,
    /// How far the timestamp may lie from our clock, both ways.
    pub tolerance: SignedDuration,
    /// The platform's public keys, as PEM. Any will do.
    pub public_keys: Vec<S>,
}

/// A signature over the body, and perhaps over a timestamp and a delivery id with it.
///
/// INVARIANT: whatever header is read is signed, the body is signed, and there is a public key.
#[derive(Debug, Clone)]
pub struct EcdsaCheck<S>(pub(super) EcdsaScheme<S>);

/// A public key on P-256.
#[derive(Debug, Clone)]
pub struct PublicKey(VerifyingKey);

/// A private key on P-256, for trying out a source with a pair of one's own.
pub struct PrivateKey(SigningKey);

/// The text is no private key on P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no private key for ECDSA on P-256 in PEM, which starts with `-----BEGIN PRIVATE KEY-----`; \
     `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one"
)]
pub struct InvalidPrivateKey;

/// Why a text is no public key on P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicKey {
    /// It is the other half.
    #[error("this is a private key; give the public one, and a new pair to whoever signs")]
    Private,
    /// It is no PEM, or another one.
    #[error("this is no public key in PEM, which starts with `-----BEGIN PUBLIC KEY-----`")]
    NotPem,
    /// It is of another algorithm or curve.
    #[error("this public key is not for ECDSA on P-256")]
    OtherAlgorithm,
    /// It is none, or no point of the curve.
    #[error("this public key is damaged")]
    Damaged,
}

impl<S> EcdsaScheme<S> {
    /// The check for this scheme, if the scheme makes sense.
    pub fn check(self) -> Result<EcdsaCheck<S>, InvalidScheme> {
        self.coverage().validate()?;
        if self.public_keys.is_empty() {
            return Err(InvalidScheme::NoPublicKeys);
        }
        Ok(EcdsaCheck(self))
    }

    fn coverage(&self) -> Coverage<'_> {
        Coverage {
            signed: &self.signed,
            timestamp_header: self.timestamp_header.as_ref(),
            id_header: self.id_header.as_ref(),
            tolerance: self.tolerance,
        }
    }

    /// What the header's value can be read as. Sixty-four bytes may be either form.
    fn signatures(&self, value: &str) -> Vec<Signature> {
        let bytes = self
            .alone(value)
            .and_then(|text| self.encoding.decode(&text));
        let Some(bytes) = bytes else {
            return Vec::new();
        };
        [Signature::from_slice(&bytes), Signature::from_der(&bytes)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The signature without the JSON around it.
    fn alone<'a>(&self, value: &'a str) -> Option<Cow<'a, str>> {
        match &self.json {
            Some(at) if value.starts_with('{') => {
                let object = json::parse(value.as_bytes()).ok()?;
                let text = at.find(&object)?.as_str()?;
                Some(Cow::Owned(text.to_owned()))
            }
            Some(_) | None => Some(Cow::Borrowed(value)),
        }
    }
}

impl<S> EcdsaCheck<S> {
    pub(super) fn hold(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<(), Unverified> {
        let scheme = &self.0;
        let signatures = scheme.signatures(only_signature(&delivery.headers, &scheme.header)?);
        if signatures.is_empty() {
            return Err(Unverified::SignatureMalformed(scheme.header.clone()));
        }
        let stamps = scheme.coverage().stamps(delivery, now)?;
        let signed: Vec<_> = scheme.signed.fill(&delivery.body, stamps).collect();
        any_secret(
            &scheme.public_keys,
            read,
            Unverified::SignatureWrong(scheme.header.clone()),
            |pem| {
                let key = PublicKey::parse(pem.expose()).map_err(|error| error.to_string())?;
                Ok(signatures
                    .iter()
                    .any(|signature| key.0.multipart_verify(&signed, signature).is_ok()))
            },
        )
    }
}

impl<S> EcdsaCheck<S> {
    /// The headers with which `body` passes as the delivery `id` at `now`, where the public half of `key` is known.
    pub(super) fn sign(
        &self,
        key: &PrivateKey,
        body: &[u8],
        id: &str,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Unsignable> {
        let scheme = &self.0;
        let coverage = scheme.coverage();
        if !coverage.allows_id(id) {
            return Err(Unsignable::Id);
        }
        let timestamp = now.as_second().to_string();
        let stamps = Stamps {
            timestamp: &timestamp,
            id,
        };
        let signed: Vec<_> = scheme.signed.fill(body, stamps).collect();
        let signature: Signature = key.0.multipart_sign(&signed);
        let signature = scheme.encoding.encode(signature.to_der().as_bytes());
        coverage
            .headers(stamps)
            .chain([(&scheme.header, signature.as_str())])
            .map(|(name, value)| Ok((name.clone(), header_value(name, value)?)))
            .collect()
    }
}

impl PrivateKey {
    /// Reads a PKCS #8 key in PEM.
    pub fn parse(pem: &Secret) -> Result<Self, InvalidPrivateKey> {
        SigningKey::from_pkcs8_pem(pem.expose())
            .map(Self)
            .map_err(|_| InvalidPrivateKey)
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in PEM.
    pub fn parse(pem: &str) -> Result<Self, InvalidPublicKey> {
        VerifyingKey::from_public_key_pem(pem)
            .map(Self)
            .map_err(|error| InvalidPublicKey::of(pem, &error))
    }
}

impl InvalidPublicKey {
    /// What to say of `pem`, which gave `error`.
    fn of(pem: &str, error: &spki::Error) -> Self {
        let other = matches!(
            error,
            spki::Error::OidUnknown { .. } | spki::Error::AlgorithmParametersMissing
        );
        if pem.contains("PRIVATE KEY-----") {
            Self::Private
        } else if !pem.contains("-----BEGIN PUBLIC KEY-----") {
            Self::NotPem
        } else if other {
            Self::OtherAlgorithm
        } else {
            Self::Damaged
        }
    }
}
