//! A small provider on loopback that can lie.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;

pub(super) const CLIENT: &str = "countersign";
pub(super) const SECRET: &str = "cl1ent&secret";

/// How an ID token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// By the key that is listed.
    Properly,
    /// By another key under the same name.
    ByAnother,
    /// By a key under a name that is not listed.
    ByAStranger,
    /// Not at all.
    ByNobody,
    /// With the public key as if it were shared.
    WithThePublicKey,
    /// With the client's secret.
    WithTheSecret,
}

/// What the provider does next.
#[derive(Clone)]
pub(super) struct Conduct {
    pub(super) signed: Signed,
    /// Put over the claims of the ID token; `null` takes one away.
    pub(super) claims: Value,
    pub(super) userinfo: Value,
    /// Put over what it says of itself.
    pub(super) description: Value,
    pub(super) key: u8,
    pub(super) down: bool,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) conduct: Arc<Mutex<Conduct>>,
    codes: Arc<Mutex<BTreeMap<String, Asked>>>,
    pub(super) calls: Arc<Mutex<Vec<&'static str>>>,
}

#[derive(Clone)]
struct Asked {
    nonce: String,
    challenge: String,
    redirect: String,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            conduct: Arc::new(Mutex::new(Conduct {
                signed: Signed::Properly,
                claims: json!({}),
                userinfo: json!({"sub": "s-1"}),
                description: json!({}),
                key: 5,
                down: false,
            })),
            codes: Arc::default(),
            calls: Arc::default(),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(provider.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(super) fn conducts(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.conduct.lock().unwrap());
    }

    /// Somebody logs in where they were sent to; the path and query that they are sent back to.
    pub(super) fn logs_in(&self, location: &str) -> String {
        let (door, query) = location.split_once('?').unwrap();
        assert_eq!(door, format!("{}/authorize", self.issuer));
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let names: BTreeSet<&str> = query.keys().map(String::as_str).collect();
        let all = "client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state";
        assert_eq!(names, all.split(' ').collect());
        assert_eq!(
            (&*query["code_challenge_method"], &*query["client_id"]),
            ("S256", CLIENT)
        );
        assert_eq!(query["scope"], "openid email groups");
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}", codes.len());
        let asked = Asked {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect: query["redirect_uri"].clone(),
        };
        codes.insert(code.clone(), asked);
        let back = query["redirect_uri"]
            .strip_prefix(super::browser::SITE)
            .unwrap()
            .to_owned();
        format!("{back}?code={code}&state={}", query["state"])
    }

    fn called(&self, what: &'static str) -> Result<Conduct, StatusCode> {
        self.calls.lock().unwrap().push(what);
        let conduct = self.conduct.lock().unwrap().clone();
        if conduct.down {
            return Err(StatusCode::BAD_GATEWAY);
        }
        Ok(conduct)
    }

    fn id_token(&self, conduct: &Conduct, nonce: &str) -> String {
        let now = Clock.now().as_second();
        let mut claims = json!({
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "s-1",
            "nonce": nonce,
            "iat": now,
            "exp": now + 300,
            "email": "carol@example.com",
            "email_verified": true,
            "groups": ["staff", "admins"],
            "at_hash": URL_SAFE_NO_PAD.encode(&Sha256::digest("access")[..16]),
        });
        put_over(&mut claims, &conduct.claims);
        let key = SigningKey::from_slice(&[conduct.key; 32]).unwrap();
        let other = SigningKey::from_slice(&[99; 32]).unwrap();
        let public = p256::PublicKey::from(key.verifying_key());
        let (alg, kid) = match conduct.signed {
            Signed::Properly | Signed::ByAnother => ("ES256", format!("k{}", conduct.key)),
            Signed::ByAStranger => ("ES256", "stranger".to_owned()),
            Signed::ByNobody => ("none", "none".to_owned()),
            Signed::WithThePublicKey | Signed::WithTheSecret => {
                ("HS256", format!("k{}", conduct.key))
            }
        };
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(&claims));
        let by = |key: &SigningKey| {
            let signature: Signature = key.sign(text.as_bytes());
            signature.to_bytes().to_vec()
        };
        let shared = |key: &[u8]| {
            let mut mac = <Hmac<Sha256>>::new_from_slice(key).unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let signature = match conduct.signed {
            Signed::Properly => by(&key),
            Signed::ByAnother | Signed::ByAStranger => by(&other),
            Signed::ByNobody => Vec::new(),
            Signed::WithThePublicKey => shared(public.to_public_key_der().unwrap().as_bytes()),
            Signed::WithTheSecret => shared(SECRET.as_bytes()),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn put_over(value: &mut Value, over: &Value) {
    for (name, change) in over.as_object().unwrap() {
        let value = value.as_object_mut().unwrap();
        if change.is_null() {
            value.remove(name);
        } else {
            value.insert(name.clone(), change.clone());
        }
    }
}

async fn describe(State(provider): State<Provider>) -> Response {
    let conduct = match provider.called("description") {
        Ok(conduct) => conduct,
        Err(down) => return down.into_response(),
    };
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let mut description = json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"),
        "userinfo_endpoint": at("/userinfo"),
    });
    put_over(&mut description, &conduct.description);
    Json(description).into_response()
}

async fn keys(State(provider): State<Provider>) -> Response {
    let conduct = match provider.called("keys") {
        Ok(conduct) => conduct,
        Err(down) => return down.into_response(),
    };
    let key = SigningKey::from_slice(&[conduct.key; 32]).unwrap();
    let public = p256::PublicKey::from(key.verifying_key())
        .to_public_key_der()
        .unwrap();
    let point = &public.as_bytes()[public.as_bytes().len() - 64..];
    let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let key = json!({
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": format!("k{}", conduct.key),
        "x": part(&point[..32]), "y": part(&point[32..]),
    });
    Json(json!({"keys": [key]})).into_response()
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let conduct = match provider.called("token") {
        Ok(conduct) => conduct,
        Err(down) => return down.into_response(),
    };
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{CLIENT}:cl1ent%26secret"))
    );
    let asked = provider.codes.lock().unwrap().remove(&form["code"]);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    let asked = asked.filter(|asked| {
        asked.challenge == challenge
            && asked.redirect == form["redirect_uri"]
            && headers["authorization"] == *basic
            && form["grant_type"] == "authorization_code"
    });
    let Some(asked) = asked else {
        let refused = Json(json!({"error": "invalid_grant"}));
        return (StatusCode::BAD_REQUEST, refused).into_response();
    };
    Json(json!({
        "access_token": "access",
        "token_type": "Bearer",
        "id_token": provider.id_token(&conduct, &asked.nonce),
    }))
    .into_response()
}

async fn userinfo(State(provider): State<Provider>, headers: HeaderMap) -> Response {
    let conduct = match provider.called("userinfo") {
        Ok(conduct) => conduct,
        Err(down) => return down.into_response(),
    };
    assert_eq!(headers["authorization"], "Bearer access");
    Json(conduct.userinfo).into_response()
}
