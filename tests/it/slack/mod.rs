//! Slack end to end: a card is posted, a signed click votes, and the buttons are gone wherever it was decided.

mod again;
mod cards;
mod clicks;
mod forged;
mod forms;
mod hostile;
mod limits;
mod outages;
mod whole;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::clock::Clock;
use countersign::config::{Config, LogFormat, LogKey};
use countersign::credential::Credential;
use countersign::domain::case::{CaseTerms, Channel, Mode};
use countersign::domain::escalation::EscalationDefaults;
use countersign::domain::notice::ChannelName;
use countersign::domain::team::{OnDeadline, People, Team};
use countersign::flow::Herald;
use countersign::identity::{Purpose, Seal};
use countersign::metrics::Metrics;
use countersign::notify::SlackSettings;
use countersign::notify::slack::SlackChannel;
use countersign::observe::{Alerts, Telling};
use countersign::secret::Secret;
use countersign::source::{Client, Timeouts, WebUrl};
use countersign::telemetry::DecisionLines;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::harness::{Countersign, POLICY, config, eventually, requested, spawn};
use crate::tracemem::TraceMem;
use workspace::{Posted, Slack, TOKEN, WORKSPACE};

pub const SIGNING: &str = "signing-secret-of-the-app-0123456789";
/// What the buttons are sealed with.
pub const KEY: [u8; 32] = [7; 32];
pub const OLD_SIGNING: &str = "signing-secret-before-it-0123456789";

/// Slack's ids of people: alice is an admin, bob and carol are of `payments`, grafana is a viewer.
pub const ALICE: &str = "U0ALICE";
pub const BOB: &str = "U0BOB";
pub const CAROL: &str = "U0CAROL";
pub const GRAFANA: &str = "U0GRAFANA";

/// A server whose teams are told in Slack.
pub struct House {
    pub slack: Slack,
    pub platform: TraceMem,
    pub server: Countersign,
}

impl House {
    /// `payments` in the channel `C0PAY`, then `managers` in `C0MAN`.
    pub async fn start() -> Self {
        Self::start_within(SignedDuration::from_hours(1)).await
    }

    /// The same, where `payments` has this long.
    pub async fn start_within(within: SignedDuration) -> Self {
        // Longer than any test waits.
        Self::start_with(within, Duration::from_mins(10)).await
    }

    /// The same, where a request of Slack's waits for nothing that is not done at once.
    pub async fn start_impatient() -> Self {
        Self::start_with(SignedDuration::from_hours(1), Duration::ZERO).await
    }

    async fn start_with(within: SignedDuration, patience: Duration) -> Self {
        let (slack, platform) = (Slack::start().await, TraceMem::start().await);
        for (id, name) in [
            (ALICE, "alice"),
            (BOB, "bob"),
            (CAROL, "carol"),
            (GRAFANA, "grafana"),
        ] {
            slack.member(id, &format!("{name}@example.com"));
        }
        slack.member("U0NOBODY", "nobody@elsewhere.example");
        let settings = SlackSettings {
            patience,
            ..settings(&slack)
        };
        let people = people(within);
        let (given, theirs) = (settings.clone(), Arc::clone(&people));
        let server = Countersign::start_as(
            &config("enforce", &platform),
            &[("approvals/pay/pay.rego", POLICY)],
            move |config: &mut Config| {
                config.notify.slack = Some(given);
                config.people = theirs;
                let key = Credential::written(Secret::new(hex::encode(KEY))).unwrap();
                config.operators.session.key = LogKey::Given(key);
                for token in &mut config.operators.tokens {
                    token.email = Some(format!("{}@example.com", token.name));
                }
            },
        )
        .await;
        let house = Self {
            slack,
            platform,
            server,
        };
        house.tell("payments", "C0PAY", &settings, &people);
        house.tell("managers", "C0MAN", &settings, &people);
        house
    }

    /// The server ends as at SIGTERM, and another one starts with the same config.
    pub async fn restart(self) -> Self {
        let server = self.server.restart().await;
        Self { server, ..self }
    }

    fn tell(&self, team: &str, channel: &str, settings: &SlackSettings, people: &Arc<People>) {
        let client = Client::new(Timeouts::within(Duration::from_secs(10))).unwrap();
        let name = ChannelName::new(team, "slack");
        let lines = DecisionLines::to(LogFormat::Json, Box::new(std::io::sink()));
        let observer = Telling::new(
            Arc::new(Metrics::new("test")),
            lines,
            Arc::new(Alerts::default()),
            "test".to_owned(),
            Clock,
        );
        let herald = Herald {
            channel: Arc::new(SlackChannel::new(
                name,
                channel.to_owned(),
                settings.clone(),
                client,
                Seal::new(&KEY),
            )),
            store: Arc::clone(self.server.flow.store()),
            clock: Clock,
            observer: Arc::new(observer),
            inbox: "https://countersign.example.com".into(),
            concurrency: 4,
            lease: SignedDuration::from_mins(1),
            terms: Arc::new(CaseTerms {
                mode: Mode::Enforce,
                channel: Channel::Answer,
                answer_within: SignedDuration::from_mins(1),
                give_up_after: SignedDuration::from_hours(1),
                people: Arc::clone(people),
                rationale_limit: 1000,
            }),
        };
        spawn(async move { herald.run(&CancellationToken::new()).await });
    }

    /// A case about paying `amount`, where a reason is needed or not.
    pub async fn asked(&self, number: u32, amount: Value, reason: bool) -> String {
        let mut event = requested(number, amount);
        event["require_rationale"] = json!(reason);
        self.server.accepted(&event).await
    }

    /// A case about paying `amount`, and its card.
    pub async fn carded(&self, amount: u32) -> (String, Posted) {
        let id = self.asked(1, json!(amount), false).await;
        let card = self.card("C0PAY", &id).await;
        (id, card)
    }

    /// The card of `id` in `channel`, once it has buttons.
    pub async fn card(&self, channel: &str, id: &str) -> Posted {
        self.slack
            .message("the card has buttons", |message| {
                message.channel == channel && message.has_buttons() && message.shows(id)
            })
            .await
    }

    /// The message at `ts`, once it has no buttons.
    pub async fn without_buttons(&self, ts: &str) -> Posted {
        self.slack
            .message("the buttons are gone", |message| {
                message.ts == ts && !message.has_buttons()
            })
            .await
    }

    /// `user` clicks `action` on `card`.
    pub async fn click(&self, user: &str, card: &Posted, action: &str) -> u16 {
        self.send(&clicked(user, card, action)).await
    }

    /// The form that `user` opened last.
    pub async fn opened(&self, user: &str) -> Value {
        let trigger = format!("trigger.{user}.");
        eventually("a form is open", async || {
            let views = self.slack.views().into_iter().rev();
            let mut theirs = views.filter(|(opened, _)| opened.starts_with(&trigger));
            theirs.next().map(|(_, view)| view)
        })
        .await
    }

    /// `user` sends the form off that they opened last.
    pub async fn submit(&self, user: &str, reason: &str) -> u16 {
        let view = self.opened(user).await;
        self.send(&submitted(user, &view, reason)).await
    }

    /// The same; what Slack is answered, to be shown instead of the form or on it.
    pub async fn submit_told(&self, user: &str, reason: &str) -> Value {
        let view = self.opened(user).await;
        self.told(&submitted(user, &view, reason)).await
    }

    /// What Slack is answered when it sends `payload`, signed now.
    pub async fn told(&self, payload: &Value) -> Value {
        let (body, now) = (form(payload), stamp());
        let signature = sign(SIGNING, &now, &body);
        let (status, told) = self.answered(&body, &at(&now, &signature)).await;
        assert_eq!(status, 200, "{told}");
        serde_json::from_str(&told).unwrap()
    }

    /// Slack sends `payload`, signed now.
    pub async fn send(&self, payload: &Value) -> u16 {
        self.signed(&form(payload), &stamp(), SIGNING).await
    }

    /// Somebody with `secret` sends `body`, signed at `stamp`.
    pub async fn signed(&self, body: &str, stamp: &str, secret: &str) -> u16 {
        let signature = sign(secret, stamp, body);
        self.send_raw(body, &at(stamp, &signature)).await
    }

    pub async fn send_raw(&self, body: &str, headers: &[(&str, &str)]) -> u16 {
        let (status, told) = self.answered(body, headers).await;
        assert_eq!(status == 200, told.is_empty(), "{told}");
        status
    }

    /// The status and the words that Slack is answered with.
    pub async fn answered(&self, body: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = self
            .server
            .client
            .post(self.server.intake("/v1/slack/interactions"));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub async fn verdict(&self, id: &str) -> Value {
        self.server.case(id).await["verdict"].clone()
    }

    pub async fn resolved(&self, id: &str) -> Value {
        let file = self
            .server
            .case_when(id, |verdict| verdict["resolution"].is_object())
            .await;
        file["verdict"]["resolution"].clone()
    }

    /// Everything that was to be told is told.
    pub async fn settled(&self) {
        eventually("nothing is to be told", async || {
            self.server.outbox().await.is_empty().then_some(())
        })
        .await;
    }

    /// Nobody voted on `id`, and nobody decided it.
    pub async fn is_untouched(&self, id: &str) {
        let verdict = self.verdict(id).await;
        assert_eq!(
            (&verdict["state"], &verdict["votes"]),
            (&json!("open"), &json!([]))
        );
    }

    /// Nothing that was sent to Slack was wrong, and the server ends.
    pub async fn end(self) {
        self.server.stop().await;
        assert_eq!(self.slack.faults(), [""; 0]);
    }
}

/// The headers of a request that is stamped and signed so.
pub fn at<'h>(stamp: &'h str, signature: &'h str) -> [(&'static str, &'h str); 2] {
    [
        ("x-slack-request-timestamp", stamp),
        ("x-slack-signature", signature),
    ]
}

/// The value of a button, or what a form carries, as we would seal `content` about the case `id` with `key`.
pub fn sealed(key: &[u8; 32], purpose: Purpose, id: &str, content: &Value) -> String {
    let until = Clock.now() + SignedDuration::from_hours(1);
    let sealed = Seal::new(key).seal(purpose, content, until).unwrap();
    format!("{id}.{sealed}")
}

/// What the value of a button holds.
pub fn unsealed(value: &Value) -> Value {
    let (_, sealed) = value.as_str().unwrap().split_once('.').unwrap();
    let opened = Seal::new(&KEY).open(Purpose::SlackButton, sealed, Clock.now());
    opened.unwrap()
}

/// What Slack would stamp a request with now.
pub fn stamp() -> String {
    Clock.now().as_second().to_string()
}

pub fn settings(slack: &Slack) -> SlackSettings {
    let secret = |text: &str| Credential::written(Secret::new(text)).unwrap();
    SlackSettings {
        api_url: WebUrl::parse(&slack.api_url()).unwrap(),
        token: secret(TOKEN),
        signing_secrets: vec![secret(SIGNING), secret(OLD_SIGNING)],
        patience: Duration::from_mins(10),
    }
}

fn people(within: SignedDuration) -> Arc<People> {
    let team = |name: &str, members: &[&str], then: Option<&str>, within| Team {
        name: name.to_owned(),
        members: members.iter().map(|&member| member.to_owned()).collect(),
        within: Some(within),
        then: then.map(str::to_owned),
        on_deadline: OnDeadline::Expire,
        channels: vec![ChannelName::new(name, "slack")],
        ..Team::default()
    };
    let hour = SignedDuration::from_hours(1);
    let teams = vec![
        team(
            "payments",
            &["bob", "carol@example.com", "grafana"],
            Some("managers"),
            within,
        ),
        team("managers", &["dora@example.com"], None, hour),
    ];
    let owners = BTreeMap::from([(
        "carols-bot".to_owned(),
        BTreeSet::from(["carol@example.com".to_owned()]),
    )]);
    let defaults = EscalationDefaults {
        to: Some("payments".to_owned()),
        votes: 1,
        within: hour,
    };
    Arc::new(People::new(teams, owners, defaults))
}

/// What Slack sends of a click.
/// <https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>
pub fn clicked(user: &str, card: &Posted, action: &str) -> Value {
    // No two clicks are the same to Slack.
    static CLICKS: AtomicU32 = AtomicU32::new(0);
    let mut button = card.button(action).unwrap();
    let click = CLICKS.fetch_add(1, Ordering::Relaxed);
    button["action_ts"] = json!(format!("1700000002.{click:06}"));
    button["block_id"] = json!("=qXel");
    json!({
        "type": "block_actions",
        "user": { "id": user, "username": "somebody", "name": "somebody", "team_id": WORKSPACE },
        "api_app_id": "A0APP", "token": "of-no-use",
        "container": { "type": "message", "message_ts": card.ts, "channel_id": card.channel, "is_ephemeral": false },
        "trigger_id": format!("trigger.{user}.{action}"),
        "team": { "id": WORKSPACE, "domain": "ours" }, "enterprise": null, "is_enterprise_install": false,
        "channel": { "id": card.channel, "name": "payments" },
        "message": { "bot_id": "B0BOT", "type": "message", "text": "…", "ts": card.ts, "blocks": card.body["blocks"] },
        "state": { "values": {} },
        "response_url": "https://evil.example/never-called",
        "actions": [button],
    })
}

/// What Slack sends of a form.
/// <https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload>
pub fn submitted(user: &str, view: &Value, reason: &str) -> Value {
    // Nor are two times that a form is sent off.
    static FORMS: AtomicU32 = AtomicU32::new(0);
    let trigger = format!("sent.{}", FORMS.fetch_add(1, Ordering::Relaxed));
    let mut view = view.clone();
    view["id"] = json!("V0VIEW");
    view["state"] = json!({ "values": { "reason": { "reason": { "type": "plain_text_input", "value": reason } } } });
    json!({
        "type": "view_submission", "team": { "id": WORKSPACE, "domain": "ours" },
        "user": { "id": user, "username": "somebody", "name": "somebody", "team_id": WORKSPACE },
        "api_app_id": "A0APP", "token": "of-no-use", "trigger_id": trigger, "view": view, "response_urls": [],
        "is_enterprise_install": false, "enterprise": null,
    })
}

pub fn form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

pub fn sign(secret: &str, stamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{stamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}
