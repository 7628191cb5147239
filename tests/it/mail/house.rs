//! A countersign with a team that is told by mail and by webhook, people who read that mail, and their browsers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use countersign::clock::Clock;
use countersign::config::LogFormat;
use countersign::credential::Credential;
use countersign::domain::card::Card;
use countersign::domain::escalation::EscalationDefaults;
use countersign::domain::id::CaseId;
use countersign::domain::notice::{ChannelName, Occasion};
use countersign::domain::person::Role;
use countersign::domain::team::{People, Team};
use countersign::flow::Herald;
use countersign::identity::{Directory, Grants, Listed, Seal};
use countersign::metrics::Metrics;
use countersign::notify::{
    Channel, Decisions, EmailChannel, EmailPorts, EmailSettings, Message, SmtpSecurity,
};
use countersign::observe::{Alerts, Telling as Seen};
use countersign::secret::Secret;
use countersign::telemetry::DecisionLines;
use countersign::web::decisions::TeamTools;
use countersign::web::mail::MailLinks;
use jiff::SignedDuration;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::post::{Mode, Post};
use crate::harness::{Countersign, config, eventually, requested, spawn};
use crate::tracemem::TraceMem;

pub const CAROL: &str = "carol@example.com";
pub const DAVE: &str = "dave@example.com";
/// Who is listed under the name `olaf`, and owns `their-bot` with [`DAVE`].
pub const OLAF: &str = "olaf@example.com";
/// Who is listed, and may only look.
pub const VERA: &str = "vera@example.com";

/// Secrets of the payments team's tool, the old and the new.
pub const TOOL: [&str; 2] = [
    "whsec_b2xkLXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0x",
    "whsec_bmV3LXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0y",
];
/// The secret of the other team's tool.
pub const OTHER_TOOL: &str = "whsec_c2VjcmV0LW9mLXRoZS1vdGhlci10ZWFtcy10b29sLTM=";

pub struct House {
    pub server: Countersign,
    _platform: TraceMem,
    pub post: Post,
    pub seal: Seal,
    directory: Arc<Directory>,
    /// Where links lead, and where tools decide.
    pub url: String,
    client: reqwest::Client,
}

/// A page as a browser gets it.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Page {
    /// The token of its form.
    pub fn form(&self) -> String {
        let (_, rest) = (self.text.split_once("name=\"form\" value=\""))
            .unwrap_or_else(|| panic!("no form: {}", self.text));
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The cookie it sets.
    pub fn cookie(&self) -> String {
        let cookie = self.headers[SET_COOKIE].to_str().unwrap();
        cookie.split_once(';').unwrap().0.to_owned()
    }
}

pub fn secret(text: &str) -> Credential {
    Credential::written(Secret::new(text)).unwrap()
}

fn team(name: &str, members: &[&str], channels: &[&str]) -> Team {
    Team {
        name: name.to_owned(),
        members: members.iter().map(ToString::to_string).collect(),
        channels: (channels.iter())
            .map(|channel| ChannelName::new(name, channel))
            .collect(),
        ..Team::default()
    }
}

fn people(channels: &[&str]) -> Arc<People> {
    let teams = vec![
        team("payments", &[CAROL, DAVE, VERA, "bob", "olaf"], channels),
        team("others", &["otto@example.com"], &[]),
    ];
    let defaults = EscalationDefaults {
        to: None,
        votes: 1,
        within: SignedDuration::from_hours(24),
    };
    let owners = ["olaf", DAVE].map(str::to_owned);
    let owners = BTreeMap::from([("their-bot".to_owned(), BTreeSet::from(owners))]);
    Arc::new(People::new(teams, owners, defaults))
}

/// What an attempt's observer writes to.
fn seen() -> Arc<Seen> {
    let lines = DecisionLines::to(LogFormat::Json, Box::new(std::io::sink()));
    Arc::new(Seen::new(
        Arc::new(Metrics::new("0")),
        lines,
        Arc::new(Alerts::default()),
        "test".to_owned(),
        Clock,
    ))
}

impl House {
    /// The payments team is told by mail.
    pub async fn open() -> Self {
        let house = Self::told_by(&["email"]).await;
        let to = [CAROL.to_owned(), format!("Dave <{DAVE}>")];
        let channel = house.channel(&to, &house.plain());
        house.herald(Arc::new(channel));
        house
    }

    /// The payments team has these channels, which nobody works for yet.
    pub async fn told_by(channels: &[&str]) -> Self {
        let (post, platform) = (Post::open(Mode::Plain).await, TraceMem::start().await);
        let people = people(channels);
        let server = Countersign::start_changed(&config("enforce", &platform), |config| {
            config.people = Arc::clone(&people);
        })
        .await;
        let listed = |name: &str, email: &str, role| Listed {
            name: name.to_owned(),
            email: Some(email.to_owned()),
            role,
            teams: Vec::new(),
        };
        let listed = vec![
            listed("vera", VERA, Role::Viewer),
            listed("otto", "otto@example.com", Role::Approver),
            listed("olaf", OLAF, Role::Approver),
        ];
        let grants = Grants::default();
        let directory = Directory::new(Arc::clone(&people), grants, listed, None);
        let directory = Arc::new(directory);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seal = Seal::new(&[7; 32]);
        let links = Arc::new(MailLinks::new(
            Arc::clone(&server.flow),
            Arc::clone(&directory),
            seal.clone(),
            url.as_str(),
        ));
        let decisions = |by: &str, secrets: &[&str]| Decisions {
            by: by.to_owned(),
            secrets: secrets.iter().map(|text| secret(text)).collect(),
        };
        let tools = Arc::new(TeamTools::new(
            Arc::clone(&server.flow),
            [
                ("payments".to_owned(), decisions("payments-console", &TOOL)),
                (
                    "others".to_owned(),
                    decisions("others-console", &[OTHER_TOOL]),
                ),
            ],
        ));
        let router = links.router().merge(tools.router());
        spawn(async move { axum::serve(listener, router).await });
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            server,
            _platform: platform,
            post,
            seal,
            directory,
            url,
            client,
        }
    }

    /// The way to this house's mail server.
    pub fn plain(&self) -> EmailSettings {
        EmailSettings {
            host: "127.0.0.1".to_owned(),
            port: self.post.port,
            security: SmtpSecurity::Plain,
            login: None,
            from: "countersign <approvals@example.com>".to_owned(),
        }
    }

    pub fn ports(&self) -> EmailPorts {
        EmailPorts {
            inbox: self.url.as_str().into(),
            seal: self.seal.clone(),
            directory: Arc::clone(&self.directory),
            store: Arc::clone(self.server.flow.store()),
            clock: Clock,
        }
    }

    /// The payments team's mail to these addresses.
    pub fn channel(&self, to: &[String], settings: &EmailSettings) -> EmailChannel {
        let name = ChannelName::new("payments", "email");
        EmailChannel::new(name, to, settings, self.ports()).unwrap()
    }

    /// Has `channel` told what it is to be told, as long as the test runs.
    pub fn herald(&self, channel: Arc<dyn Channel>) {
        let config = self.server.flow.desks().next().unwrap();
        let herald = Herald {
            channel,
            store: Arc::clone(self.server.flow.store()),
            clock: Clock,
            observer: seen(),
            inbox: self.url.as_str().into(),
            concurrency: 2,
            lease: SignedDuration::from_mins(2),
            terms: Arc::clone(&config.terms),
        };
        spawn(async move { herald.run(&CancellationToken::new()).await });
    }

    /// Returns when nothing is to be told any more.
    pub async fn all_is_told(&self) {
        let store = self.server.flow.store();
        eventually("all is told", async || {
            store
                .owed_channels()
                .await
                .unwrap()
                .is_empty()
                .then_some(())
        })
        .await;
    }

    /// A case about paying 5000, which two people of `payments` have to approve.
    pub async fn asked(&self, number: u32) -> String {
        self.asked_with(&requested(number, serde_json::json!(5000)))
            .await
    }

    pub async fn asked_with(&self, event: &Value) -> String {
        let id = self.server.accepted(event).await;
        self.server
            .case_when(&id, |verdict| verdict["state"] == "open")
            .await;
        id
    }

    /// What a channel is told of the case as it stands.
    pub async fn message(&self, case: &str, occasion: Occasion) -> Message {
        let file = self.file(case).await;
        let input: Option<Value> = file
            .input
            .map(|input| serde_json::from_str(&input).unwrap());
        Message {
            occasion,
            card: Card::of(&file.case, input.as_ref()),
            agent: file.case.asked.agent.clone(),
            link: format!("{}/cases/{case}", self.url),
            id: format!("{case}_1"),
            handle: None,
        }
    }

    pub async fn file(&self, case: &str) -> countersign::store::CaseFile {
        let id = CaseId::parse(case).unwrap();
        self.server.flow.store().case(id).await.unwrap().unwrap()
    }

    /// What the timeline says of attempts to tell the team of the case: what came of each, and what it was told.
    pub async fn attempts(&self, case: &str) -> Vec<String> {
        let timeline = self.file(case).await.timeline.into_iter();
        let attempts = timeline.filter_map(|line| {
            let occasion = line.detail?["occasion"].as_str()?.to_owned();
            Some(format!("{} {occasion}", line.kind.as_str()))
        });
        attempts.collect()
    }

    /// Who voted what, and how.
    pub async fn votes(&self, case: &str) -> Vec<String> {
        let file = self.file(case).await;
        let votes = file.case.votes.iter();
        votes
            .map(|vote| {
                let said = serde_json::to_value(vote.vote).unwrap();
                format!(
                    "{} {} by {}",
                    vote.by,
                    said.as_str().unwrap(),
                    vote.via.as_str()
                )
            })
            .collect()
    }

    pub fn request(&self, method: &str, url: &str) -> reqwest::RequestBuilder {
        self.client.request(method.parse().unwrap(), url)
    }

    pub async fn page(&self, request: reqwest::RequestBuilder) -> Page {
        let response = request.send().await.unwrap();
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub async fn look(&self, link: &str) -> Page {
        self.page(self.request("GET", link)).await
    }

    /// Sends the form of `page` as its browser does.
    pub async fn send(&self, link: &str, page: &Page, vote: &str, reason: &str) -> Page {
        let request = self
            .request("POST", link)
            .header(COOKIE, page.cookie())
            .header("Origin", "null")
            .header("Sec-Fetch-Site", "same-origin");
        self.page(filled(request, &page.form(), vote, reason)).await
    }

    /// Opens the link and votes.
    pub async fn vote(&self, link: &str, vote: &str, reason: &str) -> Page {
        let page = self.look(link).await;
        assert_eq!(page.status, 200, "{}", page.text);
        self.send(link, &page, vote, reason).await
    }
}

/// `request` with a form.
pub fn filled(
    request: reqwest::RequestBuilder,
    form: &str,
    vote: &str,
    reason: &str,
) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("form", form), ("reason", reason), ("vote", vote)])
        .finish();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}
