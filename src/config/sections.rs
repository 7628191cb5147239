//! The top of the file and its small sections. Each function reads one section and starts from its default.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::reader::{Map, Reader};
use super::yaml::Node;
use super::{
    Config, Limits, Log, LogFormat, LogKey, Mode, Outbox, Shutdown, Store, check, code, notify,
    operators, people, policies, secrets, sources, units,
};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::team::People;

const MODES: [(&str, Mode); 2] = [("dry_run", Mode::DryRun), ("enforce", Mode::Enforce)];
const FORMATS: [(&str, LogFormat); 2] = [("json", LogFormat::Json), ("text", LogFormat::Text)];
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// No question is open for longer.
pub(super) const YEAR: Duration = Duration::from_hours(24 * 365);

/// Where things were written, for the checks between them.
#[derive(Default)]
pub(super) struct Places {
    pub(super) listen: Option<std::ops::Range<usize>>,
    pub(super) operators: operators::Places,
    pub(super) people: people::Written,
    /// The team that is asked where a rule does not say.
    pub(super) escalation_to: Option<std::ops::Range<usize>>,
    /// The Slack app and the mail server, where they are written, readable or not.
    pub(super) slack: Option<std::ops::Range<usize>>,
    pub(super) email: Option<std::ops::Range<usize>>,
    pub(super) log_key: Option<std::ops::Range<usize>>,
    pub(super) sources: Vec<sources::Places>,
    /// How many sources were written, readable or not.
    pub(super) sources_written: usize,
}

pub(super) fn config(reader: &mut Reader<'_>, root: Option<&Node>, now: Timestamp) -> Config {
    let mut config = Config::default_for_run();
    let mut places = Places::default();
    config.sources.clear();
    config.policies.path = reader.resolve("policies");
    let Store::Sqlite(path) = &mut config.store;
    *path = reader.resolve("countersign.db");
    if let Some(mut map) =
        root.and_then(|root| reader.map(root, "a config starts with a key such as `listen:`"))
    {
        top(reader, &mut map, &mut config, &mut places);
        map.below = Some(("operators", &operators::SECTIONS));
        reader.close(&map);
    } else if root.is_some() {
        return config;
    }
    beside_the_store(&mut config, &places);
    check::check(reader, &config, &places, now);
    config
}

/// What is kept beside the database unless the file says otherwise.
fn beside_the_store(config: &mut Config, places: &Places) {
    let Store::Sqlite(path) = &config.store;
    if let LogKey::Beside(_) = config.log.key {
        config.log.key = LogKey::beside(path);
    }
    if let LogKey::Beside(_) = config.operators.session.key {
        config.operators.session.key = LogKey::Beside(LogKey::file_beside(path, ".session"));
    }
    if places.operators.users.is_none() {
        config.operators.users = LogKey::file_beside(path, ".users.yaml");
    }
}

fn top(reader: &mut Reader<'_>, map: &mut Map<'_>, config: &mut Config, places: &mut Places) {
    set(&mut config.mode, mode(reader, map));
    listen(reader, map, &mut config.listen, &mut places.listen);
    if let Some(mut section) = section(reader, map, "operators") {
        operators::operators(
            reader,
            &mut section,
            &mut config.operators,
            &mut places.operators,
        );
        reader.close(&section);
    }
    if let Some(mut section) = section(reader, map, "policies") {
        policies::policies(reader, &mut section, &mut config.policies);
        reader.close(&section);
    }
    set(
        &mut config.store,
        map.take("store").and_then(|node| store(reader, node)),
    );
    let mut defaults = config.people.defaults().clone();
    if let Some(mut section) = section(reader, map, "escalation") {
        escalation(reader, &mut section, &mut defaults, places);
        reader.close(&section);
    }
    asked_and_told(reader, map, config, places, defaults);
    if let Some(mut section) = section(reader, map, "log") {
        log(reader, &mut section, &mut config.log);
        let key = section.take("key").or(section.take("key_file"));
        places.log_key = key.map(|node| node.span.clone());
        reader.close(&section);
    }
    if let Some(mut section) = section(reader, map, "limits") {
        limits(reader, &mut section, &mut config.limits);
        reader.close(&section);
    }
    if let Some(mut section) = section(reader, map, "outbox") {
        outbox(reader, &mut section, &mut config.outbox);
        reader.close(&section);
    }
    if let Some(mut section) = section(reader, map, "shutdown") {
        let grace = duration(
            reader,
            &mut section,
            "grace",
            Duration::ZERO,
            Duration::from_mins(10),
        );
        set(&mut config.shutdown, grace.map(|grace| Shutdown { grace }));
        reader.close(&section);
    }
    // Last, since a source starts from what is set above.
    let items = map
        .take("sources")
        .and_then(|node| reader.list(node, "write `sources:` and below it `- name: …`"));
    for node in items.unwrap_or_default() {
        places.sources_written += 1;
        if let Some((source, place)) = sources::read(reader, node, config.mode, config.limits.body)
        {
            config.sources.push(source);
            places.sources.push(place);
        }
    }
}

/// Who is asked, whose agents are whose, and how teams are told.
fn asked_and_told(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    config: &mut Config,
    places: &mut Places,
    defaults: EscalationDefaults,
) {
    places.people = people::teams(reader, map);
    let owners = people::owners(reader, map, &mut places.people.owners);
    let written = &places.people.teams;
    let teams = written.iter().map(|written| written.team.clone());
    config.people = Arc::new(People::new(teams.collect(), owners, defaults));
    let channels = written.iter().flat_map(|written| written.channels.clone());
    config.notify.channels = channels.collect();
    if let Some(node) = map.take("slack") {
        places.slack = Some(node.span.clone());
        config.notify.slack = notify::slack(reader, node);
    }
    if let Some(node) = map.take("email") {
        places.email = Some(node.span.clone());
        config.notify.email = notify::email(reader, node);
    }
}

/// Puts `value` in place of a default.
pub(super) fn set<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}

pub(super) fn mode(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Option<Mode> {
    map.take("mode").and_then(|node| reader.word(node, &MODES))
}

pub(super) fn duration(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    least: Duration,
    most: Duration,
) -> Option<Duration> {
    let node = map.take(key)?;
    let value = reader.parsed(
        node,
        "a duration",
        "write a number and `ms`, `s`, `m`, `h` or `d`, such as `15m`",
        units::duration,
    )?;
    if value < least || value > most {
        let message = format!("`{}` is out of bounds", reader.quote(node));
        reader.bad(
            &node.span,
            message,
            &format!("write a duration from {least:?} to {most:?}"),
        );
        return None;
    }
    Some(value)
}

pub(super) fn body_size(reader: &mut Reader<'_>, node: &Node) -> Option<u64> {
    reader.parsed(
        node,
        "a size that is allowed here",
        "write a size from `1KiB` to `64MiB`",
        |text| units::size(text).filter(|size| (1024..=64 * 1024 * 1024).contains(size)),
    )
}

pub(super) fn name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "use 1 to 128 letters, digits and `-._@+:/`";
    reader.parsed(node, "a name", help, units::name)
}

/// What `read` makes of each entry of the list under `key`.
pub(super) fn entries<T>(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    example: &str,
    mut read: impl FnMut(&mut Reader<'_>, &Node) -> Option<T>,
) -> Vec<T> {
    let items = map.take(key).and_then(|node| reader.list(node, example));
    let items = items.unwrap_or_default().iter();
    items.filter_map(|node| read(reader, node)).collect()
}

pub(super) fn section<'n>(
    reader: &mut Reader<'_>,
    map: &mut Map<'n>,
    key: &'static str,
) -> Option<Map<'n>> {
    map.take(key)
        .and_then(|node| reader.map(node, "write its keys below it, indented"))
}

pub(super) fn listen(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    address: &mut std::net::SocketAddr,
    place: &mut Option<std::ops::Range<usize>>,
) {
    let Some(node) = map.take("listen") else {
        return;
    };
    let help = "write an IP address and a port, such as `127.0.0.1:8787`; `0.0.0.0:8787` is every interface";
    let value = reader.parsed(node, "an address", help, units::address);
    // An address that cannot be read keeps the loopback default, so that one mistake is not two.
    *place = value.is_some().then(|| node.span.clone());
    set(address, value);
}

fn store(reader: &mut Reader<'_>, node: &Node) -> Option<Store> {
    let text = reader.text(node)?;
    let help = "write `sqlite://` and the path of a file: `sqlite://countersign.db`, `sqlite:///var/lib/countersign/countersign.db`";
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        // The URL may hold a password.
        reader.hide(&node.span);
        let mistake =
            Diagnostic::error(code::UNSUPPORTED, "PostgreSQL is not supported yet").help(help);
        reader.note(&node.span, mistake);
        return None;
    }
    let path = text.strip_prefix("sqlite://").filter(|path| {
        !path.is_empty()
            && !path.ends_with('/')
            && !path.contains(['?', '#', '\0'])
            && *path != ":memory:"
    });
    if path.is_none() {
        let message = format!("`{}` is not a store", reader.quote(node));
        reader.bad(&node.span, message, help);
    }
    path.map(|path| Store::Sqlite(reader.resolve(path)))
}

fn escalation(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    escalation: &mut EscalationDefaults,
    places: &mut Places,
) {
    set(
        &mut escalation.within,
        duration(reader, map, "within", Duration::from_secs(1), YEAR)
            .and_then(|within| SignedDuration::try_from(within).ok()),
    );
    set(
        &mut escalation.votes,
        map.take("votes")
            .and_then(|node| reader.number(node, 1..=100)),
    );
    let to = map.take("to");
    places.escalation_to = to.map(|node| node.span.clone());
    escalation.to = to.and_then(|node| name(reader, node));
}

fn log(reader: &mut Reader<'_>, map: &mut Map<'_>, log: &mut Log) {
    set(
        &mut log.format,
        map.take("format")
            .and_then(|node| reader.word(node, &FORMATS)),
    );
    set(
        &mut log.level,
        map.take("level").and_then(|node| level(reader, node)),
    );
    let key = secrets::optional_secret(reader, map, "key", "key_file");
    set(&mut log.key, key.map(LogKey::Given));
}

fn level(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    // A filter takes any word as the name of a module: `inof` would log nothing at all.
    let wrong = text.split(',').map(str::trim).find(|part| {
        let level = part.rsplit_once('=').map_or(*part, |(_, level)| level);
        !LEVELS.contains(&level.to_ascii_lowercase().as_str())
    });
    if wrong.is_none() && tracing_subscriber::EnvFilter::try_new(&text).is_ok() {
        return Some(text);
    }
    let near = wrong.and_then(|part| did_you_mean(part, LEVELS));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write `error`, `warn`, `info`, `debug` or `trace`, or a list such as `warn,countersign=debug`".to_owned(),
    };
    let message = format!("`{}` is not a log level", reader.quote(node));
    reader.bad(&node.span, message, &help);
    None
}

fn outbox(reader: &mut Reader<'_>, map: &mut Map<'_>, outbox: &mut Outbox) {
    let (least, most) = (Duration::from_millis(100), Duration::from_mins(1));
    set(
        &mut outbox.timeout,
        duration(reader, map, "timeout", least, most),
    );
    set(
        &mut outbox.concurrency,
        map.take("concurrency")
            .and_then(|node| reader.number(node, 1..=1_000)),
    );
}

fn limits(reader: &mut Reader<'_>, map: &mut Map<'_>, limits: &mut Limits) {
    let minute = Duration::from_mins(1);
    let least = Duration::from_millis(100);
    set(
        &mut limits.body,
        map.take("body").and_then(|node| body_size(reader, node)),
    );
    set(
        &mut limits.connections,
        map.take("connections")
            .and_then(|node| reader.number(node, 1..=1_000_000)),
    );
    set(
        &mut limits.header_timeout,
        duration(reader, map, "header_timeout", least, minute),
    );
    set(
        &mut limits.body_timeout,
        duration(reader, map, "body_timeout", least, minute),
    );
}
