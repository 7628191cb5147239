//! Reads what a source at our own API has.

use super::Places;
use crate::config::reader::{Map, Reader};
use crate::config::secrets::required_secret;
use crate::config::sections::name;
use crate::config::source::{AgentToken, HttpConfig};
use crate::config::yaml::Kind;

pub(super) fn read(reader: &mut Reader<'_>, map: &mut Map<'_>, places: &mut Places) -> HttpConfig {
    let example = "write `tokens: [{agent: billing-bot, token_file: /run/secrets/billing-bot}]`";
    let items = map.take("tokens").and_then(|node| {
        places.incomplete |= !matches!(node.kind, Kind::Sequence(_));
        reader.list(node, example)
    });
    let mut tokens = Vec::new();
    for node in items.unwrap_or_default() {
        let Some(mut map) = reader.map(node, example) else {
            continue;
        };
        let agent = reader
            .required(
                &mut map,
                "agent",
                "say whose token it is, as policies shall see it",
            )
            .and_then(|node| name(reader, node));
        let token = required_secret(reader, &mut map, "token", "token_file");
        if let (Some(agent), Some(token)) = (agent, token) {
            tokens.push(AgentToken { agent, token });
            places.tokens.push(node.span.clone());
        }
        reader.close(&map);
    }
    places.incomplete |= tokens.len() < items.unwrap_or_default().len();
    HttpConfig { tokens }
}
