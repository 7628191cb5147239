//! A server whose one source is AgentWarden.

use serde_json::{Value, json};

use super::events::{pending, record};
use super::platform::{AgentWarden, EMAIL, PASSWORD, deliver};
use crate::harness::{Countersign, eventually, served};

/// What the address of our webhook ends in, so that nobody else knows it.
pub const HOOK_SECRET: &str = "the-secret-end-of-the-path-0123456789";

/// Approves small refunds that the platform itself confirmed, rejects huge ones, asks one person about the rest.
pub const POLICY: &str = r#"package approvals.refunds

# METADATA
# title: Small refund
approve contains reason if {
	input.action == "stripe.refund"
	input.verified.record == true
	input.context.amount > 0
	input.context.amount < 100
	reason := sprintf("%v is under 100", [input.context.amount])
}

# METADATA
# title: Huge refund
reject contains "it is huge" if {
	input.action == "stripe.refund"
	input.context.amount >= 10000
}
"#;

/// The config of most tests: the source `warden` in `mode`, with a secret path and the platform's user agent.
pub fn config(mode: &str, api_url: &str) -> String {
    let served = served(mode);
    format!(
        r"{served}outbox: {{timeout: 500ms}}
sources:
  - name: warden
    kind: agentwarden
    api_url: {api_url}
    login: {{email: {EMAIL}, password: {PASSWORD}}}
    verify:
      - secret_path: {HOOK_SECRET}
      - user_agent: AgentWarden-Webhook/1.0
"
    )
}

/// `config` with this line in its source.
pub fn with_line(config: &str, line: &str) -> String {
    config.replacen(
        "    kind: agentwarden\n",
        &format!("    kind: agentwarden\n    {line}\n"),
        1,
    )
}

/// A platform and a server that each know of the other.
pub struct Office {
    pub platform: AgentWarden,
    pub server: Countersign,
}

impl Office {
    /// A server in enforce.
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    /// A server in enforce whose source has these lines.
    pub async fn open_with(lines: &[&str]) -> Self {
        Self::open_in("enforce", lines).await
    }

    pub async fn open_in(mode: &str, lines: &[&str]) -> Self {
        let platform = AgentWarden::start().await;
        let config = config(mode, &platform.url());
        let config = lines
            .iter()
            .fold(config, |config, line| with_line(&config, line));
        let server = Countersign::start_with(&config, &[("approvals/pay/pay.rego", POLICY)]).await;
        let office = Self { platform, server };
        office.configure();
        office
    }

    /// Tells the platform where the server is.
    pub fn configure(&self) {
        self.platform.state().webhook = Some(self.hook());
    }

    pub fn hook(&self) -> String {
        self.server
            .intake(&format!("/v1/sources/warden/{HOOK_SECRET}"))
    }

    /// An agent asks at the platform; no webhook is sent.
    pub fn asked(&self, number: u32, amount: impl Into<Value>) -> Value {
        let record = record(number, &amount.into());
        self.platform.state().records.insert(0, record.clone());
        record
    }

    /// An agent asks at the platform, and the platform tells us; the case.
    pub async fn asks(&self, number: u32, amount: impl Into<Value>) -> String {
        let record = self.asked(number, amount);
        self.accepted(&pending(&record)).await
    }

    /// Delivers an event that asks, and returns its case.
    pub async fn accepted(&self, event: &Value) -> String {
        let (status, told) = self.platform.deliver(event).await;
        assert_eq!(
            (status, told["status"].as_str()),
            (200, Some("accepted")),
            "{told}"
        );
        told["case_id"].as_str().unwrap().to_owned()
    }

    /// What the sender of an event is told.
    pub async fn told(&self, event: &Value) -> Value {
        let (status, told) = self.platform.deliver(event).await;
        assert_eq!(status, 200, "{told}");
        told["status"].clone()
    }

    /// Somebody who knows our address sends this.
    pub async fn forge(&self, event: &Value) -> (u16, Value) {
        deliver(&self.hook(), event.to_string()).await
    }

    /// The verdict, once the case is in `state`.
    pub async fn verdict(&self, case: &str, state: &str) -> Value {
        let file = self
            .server
            .case_when(case, |verdict| verdict["state"] == state)
            .await;
        file["verdict"].clone()
    }

    /// The verdict, once the case is resolved and the platform knows.
    pub async fn settled(&self, case: &str) -> Value {
        let settled = |verdict: &Value| {
            verdict["state"] == "resolved" && verdict["resolution"]["answer"] == "settled"
        };
        self.server.case_when(case, settled).await["verdict"].clone()
    }

    /// The rationale of a case that was left to people because of the source.
    pub async fn left_to_people(&self, case: &str) -> String {
        let verdict = self.verdict(case, "open").await;
        assert_eq!(
            (&verdict["outcome"], &verdict["cause"]),
            (&json!("escalate"), &json!("source")),
            "{verdict}"
        );
        verdict["rationale"].as_str().unwrap().to_owned()
    }

    /// What became of the case so far, as one text.
    pub async fn timeline(&self, case: &str) -> String {
        self.server.case(case).await["timeline"].to_string()
    }

    /// Every case there is, the newest first.
    pub async fn cases(&self) -> Vec<Value> {
        let (status, page) = self.server.get("/v1/cases").await;
        assert_eq!(status, 200, "{page}");
        page["cases"].as_array().unwrap().clone()
    }

    /// The one case, once there is one.
    pub async fn only_case(&self) -> Value {
        eventually("there is one case", async || {
            match self.cases().await.as_slice() {
                [case] => Some(case.clone()),
                _ => None,
            }
        })
        .await
    }

    /// Waits until nothing is on its way.
    pub async fn idle(&self) {
        eventually("nothing is on its way", async || {
            self.server.outbox().await.is_empty().then_some(())
        })
        .await;
    }
}
