//! How the platforms deliver: over real HTTP, each with its own headers, signed as it signs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::platform::{Name, Signing, Webhook, agentwarden};
use super::setting::Secrets;
use crate::clock::Clock;
use crate::secret::Secret;

/// Sends webhooks to our intake.
#[derive(Clone)]
pub(super) struct Sender {
    client: reqwest::Client,
    intake: SocketAddr,
    secrets: Arc<Secrets>,
}

impl Sender {
    pub(super) fn new(intake: SocketAddr, secrets: Arc<Secrets>) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            client,
            intake,
            secrets,
        })
    }

    /// Where the webhooks of a platform are delivered.
    pub(super) fn address(&self, of: Name) -> String {
        let path = match of {
            Name::TraceMem | Name::SidClaw => String::new(),
            Name::AgentWarden => format!("/{}", self.secrets.path.expose()),
        };
        format!("http://{}/v1/sources/{of}{path}", self.intake)
    }

    /// Delivers `webhook` once, and returns the status that its acknowledgement has, if it is one.
    pub(super) async fn deliver(&self, webhook: Webhook) -> anyhow::Result<Option<String>> {
        let Webhook {
            from,
            body,
            signing,
        } = webhook;
        let mut request = self
            .client
            .post(self.address(from))
            .header("content-type", "application/json");
        match from {
            Name::TraceMem => {
                if let Some(signature) = signature(&self.secrets.tracemem, signing, &body)? {
                    request = request.header("X-TraceMem-Signature", signature);
                }
            }
            Name::AgentWarden => request = request.header("user-agent", agentwarden::USER_AGENT),
            Name::SidClaw => {
                request = request
                    .header("X-Webhook-ID", uuid::Uuid::now_v7().to_string())
                    .header("X-Webhook-Timestamp", Clock.now().to_string());
                if let Some(signature) = signature(&self.secrets.sidclaw, signing, &body)? {
                    request = request.header("X-Webhook-Signature", signature);
                }
            }
        }
        let response = request
            .body(body)
            .send()
            .await
            .context("the server does not answer")?;
        if response.status().is_server_error() {
            bail!("the server answered {}", response.status());
        }
        let told: Value = serde_json::from_slice(&response.bytes().await?)?;
        Ok(told
            .get("status")
            .and_then(Value::as_str)
            .map(str::to_owned))
    }
}

/// As both platforms that sign write it: SHA-256 over the body, in hexadecimal.
fn signature(secret: &Secret, signing: Signing, body: &str) -> anyhow::Result<Option<String>> {
    let forger = Secret::new("not the secret");
    let secret = match signing {
        Signing::Platform => secret,
        Signing::Forger => &forger,
        Signing::Nobody => return Ok(None),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())?;
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Ok(Some(format!("sha256={signature}")))
}
