//! Reads the people's side: where people reach us, and the ways in which they prove who they are.

use std::net::IpAddr;
use std::ops::Range;
use std::time::Duration;

use ipnet::IpNet;

use super::reader::{Map, Reader};
use super::sections::{duration, entries, listen, name, section, set};
use super::verify::header;
use super::yaml::Node;
use super::{LogKey, OperatorToken, Operators, Role, code, people, secrets, sources, units};
use crate::diagnostic::Diagnostic;
use crate::identity::{Grants, OidcSettings, ProxySettings};

const ROLES: [(&str, Role); 3] = [
    ("viewer", Role::Viewer),
    ("approver", Role::Approver),
    ("admin", Role::Admin),
];
const SHORTEST_SESSION: Duration = Duration::from_mins(1);
const LONGEST_SESSION: Duration = Duration::from_hours(24 * 30);

/// What people look for at the top of the file.
pub(super) const SECTIONS: [&str; 7] = [
    "oidc", "proxy", "roles", "session", "tokens", "url", "users",
];

/// Where the parts of the section were written, for the checks between them.
#[derive(Default)]
pub(super) struct Places {
    pub(super) listen: Option<Range<usize>>,
    pub(super) url: Option<Range<usize>>,
    /// One for each token that could be read.
    pub(super) tokens: Vec<TokenPlace>,
    /// How many tokens were written, readable or not.
    pub(super) tokens_written: usize,
    pub(super) session_key: Option<Range<usize>>,
    /// The proxy and the directory, where they are written, readable or not.
    pub(super) proxy: Option<Range<usize>>,
    pub(super) oidc: Option<Range<usize>>,
    /// The file of local users, where it is written.
    pub(super) users: Option<Range<usize>>,
}

/// Where one operator was written.
pub(super) struct TokenPlace {
    pub(super) whole: Range<usize>,
    /// One for each of their teams.
    pub(super) teams: Vec<Range<usize>>,
}

/// Everything under `operators`.
pub(super) fn operators(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    operators: &mut Operators,
    places: &mut Places,
) {
    listen(reader, map, &mut operators.listen, &mut places.listen);
    let url = map.take("url");
    places.url = url.map(|node| node.span.clone());
    operators.url = url.and_then(|node| origin(reader, node));
    let example = "write `- {name: alice, role: admin, token_file: /run/secrets/alice}`";
    let items = map
        .take("tokens")
        .and_then(|node| reader.list(node, example))
        .unwrap_or_default();
    places.tokens_written = items.len();
    for node in items {
        if let Some((token, place)) = token(reader, node, example) {
            operators.tokens.push(token);
            places.tokens.push(place);
        }
    }
    let users = map.take("users");
    places.users = users.map(|node| node.span.clone());
    set(
        &mut operators.users,
        users.and_then(|node| reader.path(node)),
    );
    session(reader, map, operators, places);
    if let Some(mut roles) = section(reader, map, "roles") {
        let mut groups = |key| people::groups(reader, &mut roles, key);
        operators.grants = Grants {
            admin: groups("admin"),
            approver: groups("approver"),
            viewer: groups("viewer"),
        };
        reader.close(&roles);
    }
    if let Some(node) = map.take("proxy") {
        places.proxy = Some(node.span.clone());
        operators.proxy = proxy(reader, node);
    }
    if let Some(node) = map.take("oidc") {
        places.oidc = Some(node.span.clone());
        operators.oidc = oidc(reader, node);
    }
}

fn token(
    reader: &mut Reader<'_>,
    node: &Node,
    example: &str,
) -> Option<(OperatorToken, TokenPlace)> {
    let mut map = reader.map(node, example)?;
    let name = reader
        .required(&mut map, "name", "say whose token it is")
        .and_then(|node| name(reader, node));
    let role = reader
        .required(&mut map, "role", "write `viewer`, `approver` or `admin`")
        .and_then(|node| reader.word(node, &ROLES));
    let email_node = map.take("email");
    let email = email_node.and_then(|node| people::email_address(reader, node));
    let example = "write `teams: [payments]`";
    let teams = entries(reader, &mut map, "teams", example, |reader, node| {
        Some((people::team_name(reader, node)?, node.span.clone()))
    });
    let token = secrets::required_secret(reader, &mut map, "token", "token_file");
    reader.close(&map);
    let (teams, team_places) = teams.into_iter().unzip();
    if email_node.is_some() && email.is_none() {
        return None;
    }
    let token = OperatorToken {
        name: name?,
        email,
        role: role?,
        teams,
        token: token?,
    };
    let place = TokenPlace {
        whole: map.span,
        teams: team_places,
    };
    Some((token, place))
}

/// Where people reach us: scheme, host and port, and nothing after them.
fn origin(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    sources::hide_user_info(reader, node);
    let text = reader.text(node)?;
    let Some(url) = units::url(&text) else {
        let message = format!("`{}` is not where a browser could go", reader.quote(node));
        let help = "write an origin such as `https://countersign.example.com`";
        reader.bad(&node.span, message, help);
        return None;
    };
    let origin = url.origin().ascii_serialization();
    if url.path() != "/" || url.query().is_some() || text.ends_with(['/', '?']) {
        let message = format!(
            "`{}` says more than scheme, host and port",
            reader.quote(node)
        );
        reader.bad(&node.span, message, &format!("write `{origin}`"));
        return None;
    }
    if units::in_the_clear(&url) {
        let message = "people's passwords and sessions cross the network in the clear";
        let help = "use an `https://` URL, with a proxy in front of us that speaks TLS";
        let warning = Diagnostic::warning(code::CLEAR_TEXT, message);
        reader.note(&node.span, warning.help(help));
    }
    Some(origin)
}

fn session(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    operators: &mut Operators,
    places: &mut Places,
) {
    let Some(mut map) = section(reader, map, "session") else {
        return;
    };
    set(
        &mut operators.session.lifetime,
        duration(
            reader,
            &mut map,
            "lifetime",
            SHORTEST_SESSION,
            LONGEST_SESSION,
        ),
    );
    let key = secrets::optional_secret(reader, &mut map, "key", "key_file");
    let written = map.take("key").or(map.take("key_file"));
    places.session_key = written.map(|node| node.span.clone());
    set(&mut operators.session.key, key.map(LogKey::Given));
    reader.close(&map);
}

fn proxy(reader: &mut Reader<'_>, node: &Node) -> Option<ProxySettings> {
    let mut map = reader.map(
        node,
        "write `proxy: {addresses: [127.0.0.1], user: X-Forwarded-User, secret: {…}}`",
    )?;
    let example = "say where the proxy connects from: `addresses: [127.0.0.1, 10.0.0.0/8]`";
    let written = reader.required(&mut map, "addresses", example);
    let addresses = entries(reader, &mut map, "addresses", example, range);
    if let Some(node) = written
        && matches!(&node.kind, super::yaml::Kind::Sequence(items) if items.is_empty())
    {
        reader.bad(&node.span, "no proxy could connect from here", example);
    }
    let mut seen = Vec::new();
    let user = reader
        .required(
            &mut map,
            "user",
            "name the header that holds the person's name: `user: X-Forwarded-User`",
        )
        .and_then(|node| other_header(reader, node, &mut seen));
    let email = map
        .take("email")
        .map(|node| other_header(reader, node, &mut seen));
    let groups = map
        .take("groups")
        .map(|node| other_header(reader, node, &mut seen));
    let secret = reader
        .required(
            &mut map,
            "secret",
            "an address alone proves nothing: `secret: {header: X-Proxy-Secret, secrets: [{file: PATH}]}`",
        )
        .and_then(|node| proxy_secret(reader, node, &mut seen));
    reader.close(&map);
    let (secret_header, secrets) = secret?;
    // What was written and could not be read.
    if matches!(email, Some(None)) || matches!(groups, Some(None)) {
        return None;
    }
    Some(ProxySettings {
        addresses,
        secret_header,
        secrets,
        user_header: user?,
        email_header: email.flatten(),
        groups_header: groups.flatten(),
    })
}

fn proxy_secret(
    reader: &mut Reader<'_>,
    node: &Node,
    seen: &mut Vec<http::HeaderName>,
) -> Option<(http::HeaderName, Vec<crate::credential::Credential>)> {
    let example = "write `secret: {header: X-Proxy-Secret, secrets: [{file: PATH}]}`";
    let mut map = reader.map(node, example)?;
    let header = reader
        .required(&mut map, "header", "name the header that holds the secret")
        .and_then(|node| other_header(reader, node, seen));
    let secrets = secrets::secrets(reader, &mut map);
    reader.close(&map);
    Some((header?, secrets?))
}

/// The name of a header that holds nothing else.
fn other_header(
    reader: &mut Reader<'_>,
    node: &Node,
    seen: &mut Vec<http::HeaderName>,
) -> Option<http::HeaderName> {
    let name = header(reader, node)?;
    if seen.contains(&name) {
        let message = format!("two things are read from the header `{name}`");
        let mistake = Diagnostic::error(code::DUPLICATE, message);
        let help = "give each a header of its own";
        reader.note(&node.span, mistake.help(help));
        return None;
    }
    seen.push(name.clone());
    Some(name)
}

/// An address, or a range of them.
fn range(reader: &mut Reader<'_>, node: &Node) -> Option<IpNet> {
    let text = reader.text(node)?;
    let example = "write an address such as `127.0.0.1` or a range such as `10.0.0.0/8`";
    let single = text.parse::<IpAddr>().ok().map(IpNet::from);
    let Some(range) = single.or_else(|| text.parse().ok()) else {
        let message = format!(
            "`{}` is neither an address nor a range of them",
            reader.quote(node)
        );
        reader.bad(&node.span, message, example);
        return None;
    };
    if range.prefix_len() == 0 {
        let message = format!("`{}` is every address there is", reader.quote(node));
        let help = "name the addresses that the proxy connects from";
        reader.bad(&node.span, message, help);
        return None;
    }
    if range.trunc() != range {
        let message = format!("`{}` is not the beginning of its range", reader.quote(node));
        let help = format!("write `{}` or `{}`", range.trunc(), range.addr());
        reader.bad(&node.span, message, &help);
        return None;
    }
    Some(range)
}

fn oidc(reader: &mut Reader<'_>, node: &Node) -> Option<OidcSettings> {
    let mut map = reader.map(
        node,
        "write `oidc: {issuer: https://idp.example.com, client_id: countersign, client_secret_file: PATH}`",
    )?;
    let issuer = reader
        .required(
            &mut map,
            "issuer",
            "write it as its tokens do: `issuer: https://idp.example.com`",
        )
        .and_then(|node| issuer(reader, node));
    let client_id = reader
        .required(&mut map, "client_id", "write what the directory calls us")
        .and_then(|node| people::line(reader, node, "a client id"));
    let secret_written =
        map.take("client_secret").is_some() || map.take("client_secret_file").is_some();
    let client_secret =
        secrets::optional_secret(reader, &mut map, "client_secret", "client_secret_file");
    let example = "write `scopes: [email, profile, groups]`";
    let scopes = map
        .take("scopes")
        .map(|_| entries(reader, &mut map, "scopes", example, scope));
    let mut claim = |key, default: &str| {
        let written = map.take(key);
        let read = written.map(|node| people::line(reader, node, "the name of a claim"));
        read.unwrap_or_else(|| Some(default.to_owned()))
    };
    let name_claim = claim("name", "email");
    let groups_claim = claim("groups", "groups");
    reader.close(&map);
    if secret_written && client_secret.is_none() {
        return None;
    }
    let mut scopes = scopes.unwrap_or_else(|| ["email", "profile"].map(ToOwned::to_owned).to_vec());
    // It is asked for anyway.
    scopes.retain(|scope| scope != "openid");
    Some(OidcSettings {
        issuer: issuer?,
        client_id: client_id?,
        client_secret,
        scopes,
        name_claim: name_claim?,
        groups_claim: groups_claim?,
    })
}

/// A directory whose word can be trusted: nobody on the way could have changed it.
fn issuer(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    sources::hide_user_info(reader, node);
    let help = "write an `https://` URL with no user, password, `?` or `#`, as the directory's tokens name it; plain `http` is for loopback";
    reader.parsed(node, "a directory that can be believed", help, |text| {
        let url = units::url(text)?;
        let safe = url.query().is_none() && !units::in_the_clear(&url);
        safe.then(|| text.to_owned())
    })
}

fn scope(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "write one word, such as `email`";
    reader.parsed(node, "a scope", help, |text| {
        let fits =
            (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        (fits && !text.contains(['"', '\\'])).then(|| text.to_owned())
    })
}
