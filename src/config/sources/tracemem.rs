//! Reads what a TraceMem source has.

use super::Places;
use super::fields::{rule, volatile};
use crate::config::reader::{Map, Reader};
use crate::config::secrets::optional_secret;
use crate::config::source::TraceMemConfig;
use crate::config::verify::Assumed;
use crate::source::{FieldMap, WebUrl};

/// Where TraceMem's API is, unless the config says otherwise.
const TRACEMEM_API: &str = "https://api.tracemem.com";
/// TraceMem does not document how it signs; this is what its webhooks are assumed to do.
const TRACEMEM_SIGNATURE: Assumed = Assumed {
    header: "X-TraceMem-Signature",
    prefix: "sha256=",
};

pub(super) fn read(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
) -> Option<TraceMemConfig> {
    let api_url = match map.take("api_url") {
        Some(node) => super::api_url(reader, node, super::ANSWERS_IN_THE_CLEAR)
            .and_then(|url| WebUrl::parse(url.as_str()).ok()),
        None => WebUrl::parse(TRACEMEM_API).ok(),
    };
    let credential = optional_secret(reader, map, "credential", "credential_file");
    places.credential_written = map
        .take("credential")
        .or(map.take("credential_file"))
        .is_some();
    let credential_expires = super::credential_expires(reader, map, places);
    let verify = super::verify_list(reader, map, places, Some(&TRACEMEM_SIGNATURE));
    let answer_within = super::answer_within(reader, map);
    let fields = fields(reader, map);
    let volatile = volatile(reader, map);
    Some(TraceMemConfig {
        api_url: api_url?,
        credential,
        credential_expires,
        verify,
        fields,
        volatile,
        answer_within,
    })
}

fn fields(reader: &mut Reader<'_>, map: &mut Map<'_>) -> FieldMap {
    let mut fields = FieldMap::default();
    let example = "write `fields: {action: /intent, context: /context, agent: /agent_id}`";
    let Some(mut map) = map
        .take("fields")
        .and_then(|node| reader.map(node, example))
    else {
        return fields;
    };
    for (key, field) in [
        ("action", &mut fields.action),
        ("agent", &mut fields.agent),
        ("context", &mut fields.context),
    ] {
        *field = map.take(key).and_then(|node| rule(reader, node));
    }
    reader.close(&map);
    fields
}
