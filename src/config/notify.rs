//! Reads where teams are told, and what they are told by: Slack, mail, and tools of their own.

use std::ops::Range;
use std::time::Duration;

use super::reader::{Map, Reader};
use super::sections::{entries, name};
use super::yaml::{Kind, Node};
use super::{ChannelConfig, ChannelKind, code, people, secrets, sources, units};
use crate::diagnostic::Diagnostic;
use crate::domain::notice::ChannelName;
use crate::domain::person::same;
use crate::notify::{Decisions, EmailSettings, SlackSettings, SmtpSecurity, WebhookSettings};
use crate::source::WebUrl;

const SLACK_API: &str = "https://slack.com/api";

/// Slack waits three seconds. The rest is for the way there and back.
const SLACK_PATIENCE: Duration = Duration::from_millis(2500);
const SECURITIES: [(&str, SmtpSecurity); 3] = [
    ("tls", SmtpSecurity::Tls),
    ("starttls", SmtpSecurity::StartTls),
    ("plain", SmtpSecurity::Plain),
];

/// Where the channels of a team were written, readable or not.
#[derive(Default)]
pub(super) struct Places {
    pub(super) slack: Option<Range<usize>>,
    pub(super) email: Option<Range<usize>>,
    pub(super) webhook: Option<Range<usize>>,
    /// What the webhook is signed with.
    pub(super) secrets: Option<Range<usize>>,
    /// The name that the tool votes under, and what it signs with.
    pub(super) decider: Option<Range<usize>>,
    pub(super) decision_secrets: Option<Range<usize>>,
}

/// Where `team` is told.
pub(super) fn channels(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    team: &str,
) -> (Vec<ChannelConfig>, Places) {
    let mut places = Places::default();
    let mut found = Vec::new();
    let mut add = |word, kind: Option<ChannelKind>| {
        found.extend(kind.map(|kind| ChannelConfig {
            name: ChannelName::new(team, word),
            kind,
        }));
    };
    if let Some(node) = map.take("slack") {
        places.slack = Some(node.span.clone());
        add("slack", slack_channel(reader, node));
    }
    if let Some(node) = map.take("email") {
        places.email = Some(node.span.clone());
        add("email", addresses(reader, node));
    }
    if let Some(node) = map.take("webhook") {
        places.webhook = Some(node.span.clone());
        let settings = webhook(reader, node, &mut places);
        add("webhook", settings.map(ChannelKind::Webhook));
    }
    (found, places)
}

fn slack_channel(reader: &mut Reader<'_>, node: &Node) -> Option<ChannelKind> {
    let example = "write `slack: {channel: C0123ABCD}`";
    let mut map = reader.map(node, example)?;
    let help = "copy the id at the end of the channel's details in Slack: `C`, `G` or `D` and then capital letters and digits";
    let channel = reader
        .required(&mut map, "channel", help)
        .and_then(|node| reader.parsed(node, "the id of a Slack channel", help, units::channel));
    reader.close(&map);
    Some(ChannelKind::Slack { channel: channel? })
}

fn addresses(reader: &mut Reader<'_>, node: &Node) -> Option<ChannelKind> {
    let example = "write `email: {to: [alice@example.com]}`";
    let mut map = reader.map(node, example)?;
    let written = reader.required(&mut map, "to", example);
    let mut to: Vec<String> = Vec::new();
    entries(reader, &mut map, "to", example, |reader, node| {
        let address = people::email_address(reader, node)?;
        if to.iter().any(|earlier| same(earlier, &address)) {
            let message = format!("`{address}` is written twice");
            let mistake = Diagnostic::error(code::DUPLICATE, message);
            reader.note(&node.span, mistake.help("case does not count: keep one"));
            return None;
        }
        to.push(address);
        Some(())
    });
    reader.close(&map);
    if let Some(node) = written
        && matches!(&node.kind, Kind::Sequence(items) if items.is_empty())
    {
        reader.bad(&node.span, "there is no address here", example);
    }
    (!to.is_empty()).then_some(ChannelKind::Email { to })
}

fn webhook(reader: &mut Reader<'_>, node: &Node, places: &mut Places) -> Option<WebhookSettings> {
    let example =
        "write `webhook: {url: https://console.example.com/hook, secrets: [{file: PATH}]}`";
    let mut map = reader.map(node, example)?;
    let url = reader
        .required(&mut map, "url", "say where the team's tool is")
        .and_then(|node| {
            let help = "write an absolute `https://` URL with no user, password or `#`";
            let clear = "what the team is told crosses the network in the clear";
            sources::secret_url(reader, node, "a URL", help, clear)
        });
    places.secrets = map.take("secrets").map(|node| node.span.clone());
    let secrets = secrets::secrets(reader, &mut map);
    let written = map.take("decisions");
    let decisions = written.map(|node| decisions(reader, node, places));
    reader.close(&map);
    Some(WebhookSettings {
        url: url?,
        secrets: secrets?,
        decisions: match decisions {
            None => None,
            Some(read) => Some(read?),
        },
    })
}

fn decisions(reader: &mut Reader<'_>, node: &Node, places: &mut Places) -> Option<Decisions> {
    let example = "write `decisions: {by: payments-console, secrets: [{file: PATH}]}`";
    let mut map = reader.map(node, example)?;
    let help = "name the tool: `by: payments-console`; all its votes are that one's";
    let by = reader.required(&mut map, "by", help);
    places.decider = by.map(|node| node.span.clone());
    let by = by.and_then(|node| name(reader, node));
    places.decision_secrets = map.take("secrets").map(|node| node.span.clone());
    let secrets = secrets::secrets(reader, &mut map);
    reader.close(&map);
    Some(Decisions {
        by: by?,
        secrets: secrets?,
    })
}

/// The Slack app.
pub(super) fn slack(reader: &mut Reader<'_>, node: &Node) -> Option<SlackSettings> {
    let example = "write `slack: {token_file: PATH, signing_secrets: [{file: PATH}]}`";
    let mut map = reader.map(node, example)?;
    let api_url = match map.take("api_url") {
        Some(node) => {
            let clear = "the Slack app's token crosses the network in the clear";
            sources::api_url(reader, node, clear).and_then(|url| WebUrl::parse(url.as_str()).ok())
        }
        None => WebUrl::parse(SLACK_API).ok(),
    };
    let token = secrets::required_secret(reader, &mut map, "token", "token_file");
    let signing_secrets = secrets::secrets_under(reader, &mut map, "signing_secrets");
    reader.close(&map);
    Some(SlackSettings {
        api_url: api_url?,
        token: token?,
        signing_secrets: signing_secrets?,
        patience: SLACK_PATIENCE,
    })
}

/// How mail is sent.
pub(super) fn email(reader: &mut Reader<'_>, node: &Node) -> Option<EmailSettings> {
    let example =
        "write `email: {host: smtp.example.com, from: \"countersign <approvals@example.com>\"}`";
    let mut map = reader.map(node, example)?;
    let host_help = "name the server that mail leaves by, such as `smtp.example.com`";
    let host = reader
        .required(&mut map, "host", host_help)
        .and_then(|node| reader.parsed(node, "the name of a host", host_help, units::host));
    let security_node = map.take("security");
    let security = match security_node {
        Some(node) => reader.word(node, &SECURITIES),
        None => Some(SmtpSecurity::Tls),
    };
    let port_node = map.take("port");
    let port = match (port_node, security) {
        (Some(node), _) => reader.number(node, 1..=u16::MAX),
        (None, Some(SmtpSecurity::StartTls)) => Some(587),
        (None, Some(SmtpSecurity::Plain)) => Some(25),
        (None, Some(SmtpSecurity::Tls) | None) => Some(465),
    };
    let user_node = map.take("user");
    let user = user_node.and_then(|node| people::line(reader, node, "the name of a user"));
    let password_node = map.take("password").or(map.take("password_file"));
    let password = secrets::optional_secret(reader, &mut map, "password", "password_file");
    let from_help = "write `approvals@example.com` or `countersign <approvals@example.com>`";
    let from = reader
        .required(&mut map, "from", from_help)
        .and_then(|node| reader.parsed(node, "a sender", from_help, units::mailbox));
    reader.close(&map);
    if let (Some(node), Some(SmtpSecurity::Plain), Some(host)) = (security_node, security, &host)
        && !units::is_loopback(host)
    {
        let message = format!("mail, with links to vote by, would go to `{host}` in the clear");
        let mistake = Diagnostic::error(code::CLEAR_MAIL, message);
        let help = "write `tls` or `starttls`; `plain` is for a server on this machine";
        reader.note(&node.span, mistake.help(help));
    }
    let login = match (user_node, password_node) {
        (None, None) => None,
        (Some(_), Some(_)) => Some((user?, password?)),
        (Some(_), None) => {
            reader.missing(&map, "password", "write `password_file: PATH`");
            return None;
        }
        (None, Some(_)) => {
            reader.missing(&map, "user", "say whose password it is");
            return None;
        }
    };
    Some(EmailSettings {
        host: host?,
        port: port?,
        security: security?,
        login,
        from: from?,
    })
}
