//! Whether an ID token is to be believed.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IssuerUrl, Nonce,
    SignatureVerificationError,
};
use serde_json::{Map, Value};

use super::OidcSettings;
use super::exchange::Tokens;
use super::provider::Provider;
use crate::json;
use crate::secret::Secret;

/// Signatures that only the directory can make: never none, and never one whose key we would have to share.
const SIGNATURES: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// Why it is not.
#[derive(Debug, thiserror::Error)]
pub(super) enum Invalid {
    #[error("no key that the directory lists has signed it")]
    UnknownKey,
    #[error("{0}")]
    Other(String),
}

/// What the ID token among `tokens` says, once its signature, issuer, audience, time and nonce are those that they must be.
pub(super) fn claims(
    tokens: &Tokens,
    provider: &Provider,
    settings: &OidcSettings,
    nonce: &str,
) -> Result<Map<String, Value>, Invalid> {
    let other = |why: &str| Invalid::Other(why.to_owned());
    let text = tokens.id.expose();
    let token = CoreIdToken::from_str(text).map_err(|_| other("it cannot be read"))?;
    let issuer = IssuerUrl::new(settings.issuer.clone());
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(settings.client_id.clone()),
        issuer.map_err(|_| other("the issuer is no URL"))?,
        (*provider.keys).clone(),
    )
    .set_allowed_algs(SIGNATURES)
    // Others may be meant too, if it is said that it was given to us: see below.
    .set_other_audience_verifier_fn(|_| true);
    let checked = token
        .claims(&verifier, &Nonce::new(nonce.to_owned()))
        .map_err(|error| match error {
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            ) => Invalid::UnknownKey,
            // Its words may hold what the token says, and that nobody vouches for.
            ClaimsVerificationError::SignatureVerification(_) => other("its signature is wrong"),
            ClaimsVerificationError::InvalidIssuer(_) => other("another issuer made it"),
            ClaimsVerificationError::InvalidAudience(_) => other("it is for somebody else"),
            ClaimsVerificationError::InvalidNonce(_) => other("it is not for this login"),
            ClaimsVerificationError::Expired(_) => other("it is over"),
            ClaimsVerificationError::InvalidAuthContext(_)
            | ClaimsVerificationError::InvalidAuthTime(_)
            | ClaimsVerificationError::InvalidSubject(_)
            | ClaimsVerificationError::Other(_)
            | ClaimsVerificationError::Unsupported(_)
            | _ => other("it says something that it must not"),
        })?;
    if let Some(hash) = checked.access_token_hash() {
        let (Ok(algorithm), Ok(key)) = (token.signing_alg(), token.signing_key(&verifier)) else {
            return Err(Invalid::UnknownKey);
        };
        let access = AccessToken::new(tokens.access.expose().to_owned());
        let ours = AccessTokenHash::from_token(&access, algorithm, key);
        let is_right =
            ours.is_ok_and(|ours| Secret::new(ours.as_str()).matches(hash.as_str().as_bytes()));
        if !is_right {
            return Err(other("the access token is not the one that it came with"));
        }
    }
    let claims = payload(text).ok_or_else(|| other("it cannot be read"))?;
    let party = claims.get("azp");
    let is_for_several = checked.audiences().len() > 1;
    let is_ours = party.and_then(Value::as_str) == Some(&settings.client_id);
    if (is_for_several || party.is_some()) && !is_ours {
        return Err(other("it was given to somebody else"));
    }
    Ok(claims)
}

/// What is signed, with every claim there is.
fn payload(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    match json::parse(&bytes).ok()? {
        Value::Object(claims) => Some(claims),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}
