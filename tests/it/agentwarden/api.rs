//! What agentwarden.io does with a call.

use axum::http::{HeaderMap, Method, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::platform::{EMAIL, Endpoint, State};
use super::{resolved, seconds};

/// Who our own answers are by: AW/api-reference/endpoint/authentication has the user in the answer to a login.
pub const OUR_USER: &str = "user_countersign0123456789";

/// What comes of a call.
pub struct Treated {
    pub status: u16,
    pub body: Value,
    pub event: Option<Value>,
}

impl Treated {
    pub fn say(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            event: None,
        }
    }
}

pub fn endpoint(method: &Method, path: &str) -> Endpoint {
    if method == Method::POST && path == "/auth/login" {
        return Endpoint::Login;
    }
    if method == Method::GET && path == "/api/logs" {
        return Endpoint::Logs;
    }
    match answered(path) {
        Some((_, "approve")) if method == Method::POST => Endpoint::Approve,
        Some((_, "reject")) if method == Method::POST => Endpoint::Reject,
        Some(_) | None => Endpoint::Unknown,
    }
}

/// Assumed: `/api/approvals/{id}/approve` and `/reject`. No page has an endpoint that resolves an approval.
pub fn answered(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/api/approvals/")?.split_once('/')
}

impl State {
    /// AW/api-reference/endpoint/authentication: `{access_token, token_type, user: {id, email, organization_id}}`, or 401 with
    /// `{"detail": "Invalid email or password"}`. The token is a JWT that says when it expires.
    pub(super) fn log_in(&mut self, body: &[u8]) -> Treated {
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        if asked != json!({"email": EMAIL, "password": self.password}) {
            return Treated::say(401, json!({"detail": "Invalid email or password"}));
        }
        self.issued += 1;
        let expires = seconds() + self.token_lives;
        let part = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let head = part(json!({"alg": "HS256", "typ": "JWT"}));
        let claims = part(json!({"sub": OUR_USER, "exp": expires, "jti": self.issued}));
        let token = format!("{head}.{claims}.c2lnbmF0dXJl");
        self.tokens.insert(token.clone(), expires);
        let user = json!({"id": OUR_USER, "email": EMAIL, "organization_id": "org_1"});
        Treated::say(
            200,
            json!({"access_token": token, "token_type": "bearer", "user": user}),
        )
    }

    /// AW/api-reference/endpoint/authentication: management calls carry `Authorization: Bearer <JWT>`; 401 without a good one.
    /// AW/api-reference/introduction: 429 above the limit. Assumed: the words of both.
    pub(super) fn admit(&mut self, headers: &HeaderMap) -> Result<(), Box<Treated>> {
        let token = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let good = token
            .and_then(|token| self.tokens.get(token))
            .is_some_and(|expires| self.tokens_count && *expires > seconds());
        if !good {
            let detail = json!({"detail": "Could not validate credentials"});
            return Err(Box::new(Treated::say(401, detail)));
        }
        if self.resets_at <= seconds() {
            self.resets_at = seconds() + 60;
            self.rate_limit.1 = 0;
        }
        let (limit, used) = self.rate_limit;
        if used >= limit {
            let detail = json!({"detail": "Too many requests"});
            return Err(Box::new(Treated::say(429, detail)));
        }
        self.rate_limit.1 += 1;
        Ok(())
    }

    /// AW/api-reference/endpoint/get-logs: query agent_id, action, status, limit (20, at most 100), offset; an array of
    /// records. Assumed: the newest first, `status=pending` finds every word for it, 422 for a limit over 100.
    pub(super) fn list(&self, uri: &Uri) -> Treated {
        let query: std::collections::HashMap<String, String> =
            parameters(uri.query().unwrap_or_default());
        let number = |name: &str, default: usize| {
            query
                .get(name)
                .map_or(Some(default), |text| text.parse().ok())
        };
        let (Some(limit @ 1..=100), Some(offset)) = (number("limit", 20), number("offset", 0))
        else {
            return Treated::say(422, json!({"detail": "limit is 1 to 100"}));
        };
        let is = |record: &Value, field: &str| {
            query
                .get(field)
                .is_none_or(|wanted| record[field] == **wanted)
        };
        let status = |record: &Value| match query.get("status").map(String::as_str) {
            None => true,
            Some("pending") => record["status"]
                .as_str()
                .is_some_and(|status| status.starts_with("pending")),
            Some(wanted) => record["status"] == wanted,
        };
        let found = self
            .records
            .iter()
            .filter(|record| is(record, "agent_id") && is(record, "action") && status(record));
        Treated::say(200, found.skip(offset).take(limit).cloned().collect())
    }

    /// Assumed, all of it: a pending record is resolved and told of, the response says how it stands, and a second
    /// answer is a 409. AW/api-reference/endpoint/get-logs: the statuses `success` and `denied`.
    pub(super) fn resolve(&mut self, uri: &Uri) -> Treated {
        let (id, word) = answered(uri.path()).unwrap();
        let Some(record) = self.records.iter_mut().find(|record| record["id"] == id) else {
            return Treated::say(404, json!({"detail": "Approval not found"}));
        };
        let pending = record["status"]
            .as_str()
            .is_some_and(|status| status.starts_with("pending"));
        if !pending {
            self.answered_again.insert(id.to_owned());
            return Treated::say(409, json!({"detail": "Approval already resolved"}));
        }
        let (status, outcome) = match word {
            "approve" => ("success", "approved"),
            _ => ("denied", "rejected"),
        };
        record["status"] = json!(status);
        Treated {
            status: 200,
            body: json!({"id": id, "status": outcome}),
            event: Some(resolved(record, outcome, OUR_USER)),
        }
    }
}

fn parameters(query: &str) -> std::collections::HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs().into_owned().collect()
}
