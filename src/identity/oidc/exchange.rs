//! What is asked of the directory for one login: tokens for a code, and what else it knows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use super::provider::{self, Provider, unusable};
use super::{Flow, Oidc, OidcError};
use crate::domain::rationale::{bounded, visible};
use crate::secret::Secret;

/// What the directory gives for a code.
pub(super) struct Tokens {
    pub(super) id: Secret,
    pub(super) access: Secret,
}

/// Gives `code` back to the directory, with what proves that it was us whom it was meant for.
pub(super) async fn redeem(
    oidc: &Oidc,
    provider: &Provider,
    flow: &Flow,
    code: &str,
) -> Result<Tokens, OidcError> {
    let (headers, body) = question(oidc, provider, flow, code)?;
    let to = &provider.token_endpoint;
    let response = provider::send(oidc, Method::POST, to, headers, Some(body)).await?;
    if response.status.is_server_error() || response.status.is_redirection() {
        return Err(unusable(&format!("it answers {}", response.status)));
    }
    let answer = provider::read(&response)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if response.status != StatusCode::OK {
        let why = bounded(
            &visible(text("error").unwrap_or("it does not say why")),
            100,
        );
        return Err(OidcError::Refused(why));
    }
    if !text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(unusable("its access token is of no kind that we know"));
    }
    let lacks = |what: &str| unusable(&format!("it gives no {what} for a code"));
    Ok(Tokens {
        id: Secret::new(text("id_token").ok_or_else(|| lacks("ID token"))?),
        access: Secret::new(text("access_token").ok_or_else(|| lacks("access token"))?),
    })
}

/// The question for tokens, with what we prove ourselves with.
fn question(
    oidc: &Oidc,
    provider: &Provider,
    flow: &Flow,
    code: &str,
) -> Result<(HeaderMap, Bytes), OidcError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &flow.redirect)
        .append_pair("code_verifier", &flow.verifier);
    let id = oidc.settings.client_id.as_str();
    match &oidc.settings.client_secret {
        Some(secret) => {
            let secret = secret.read().map_err(OidcError::Secret)?;
            if provider.takes_basic {
                headers.insert(AUTHORIZATION, basic(id, &secret)?);
            } else {
                form.append_pair("client_id", id)
                    .append_pair("client_secret", secret.expose());
            }
        }
        None => {
            form.append_pair("client_id", id);
        }
    }
    Ok((headers, Bytes::from(form.finish())))
}

/// What the directory says elsewhere of the subject of `claims`; nothing, if it has no such door.
pub(super) async fn userinfo(
    oidc: &Oidc,
    provider: &Provider,
    tokens: &Tokens,
    claims: &Map<String, Value>,
) -> Result<Option<Map<String, Value>>, OidcError> {
    let Some(to) = &provider.userinfo_endpoint else {
        return Ok(None);
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        secret_header(&format!("Bearer {}", tokens.access.expose()))?,
    );
    let Value::Object(said) = provider::get(oidc, to, headers).await? else {
        return Err(unusable("what it says of a person is no JSON object"));
    };
    let subject = |claims: &Map<String, Value>| {
        let subject = claims.get("sub").and_then(Value::as_str);
        subject
            .filter(|subject| !subject.is_empty())
            .map(str::to_owned)
    };
    if subject(&said).is_none() || subject(&said) != subject(claims) {
        return Err(OidcError::Claims(
            "what it says elsewhere is about somebody else".to_owned(),
        ));
    }
    Ok(Some(said))
}

/// As RFC 6749 has it: both parts are encoded as in a form first.
fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, OidcError> {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let both = format!("{}:{}", encoded(id), encoded(secret.expose()));
    secret_header(&format!("Basic {}", STANDARD.encode(both)))
}

fn secret_header(text: &str) -> Result<HeaderValue, OidcError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| unusable("a token of it cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}
