//! Reads where the policies are, what one evaluation may cost, and whether they are attacked before they serve.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::{Map, Reader};
use super::sections::{duration, section, set};
use super::yaml::Node;
use super::{Budget, Policies, Probe};

const PROBES: [(&str, Probe); 3] = [
    ("off", Probe::Off),
    ("warn", Probe::Warn),
    ("refuse", Probe::Refuse),
];

/// `policies.path` alone.
pub(super) fn directory(reader: &mut Reader<'_>, root: Option<&Node>) -> PathBuf {
    let mut path = reader.resolve("policies");
    if let Some(mut map) =
        root.and_then(|root| reader.map(root, "a config starts with a key such as `listen:`"))
        && let Some(mut policies) = section(reader, &mut map, "policies")
    {
        let written = policies.take("path").and_then(|node| reader.path(node));
        set(&mut path, written);
    }
    path
}

/// `policies.probe` alone.
pub(super) fn probe(reader: &mut Reader<'_>, root: Option<&Node>) -> Probe {
    let mut probe = Probe::Off;
    if let Some(mut map) =
        root.and_then(|root| reader.map(root, "a config starts with a key such as `listen:`"))
        && let Some(mut policies) = section(reader, &mut map, "policies")
    {
        let written = policies
            .take("probe")
            .and_then(|node| reader.word(node, &PROBES));
        set(&mut probe, written);
    }
    probe
}

/// Everything under `policies`.
pub(super) fn policies(reader: &mut Reader<'_>, map: &mut Map<'_>, policies: &mut Policies) {
    set(
        &mut policies.path,
        map.take("path").and_then(|node| reader.path(node)),
    );
    set(
        &mut policies.probe,
        map.take("probe")
            .and_then(|node| reader.word(node, &PROBES)),
    );
    let Some(mut section) = section(reader, map, "budget") else {
        return;
    };
    let Budget { time, instructions } = &mut policies.budget;
    // An acknowledgement has 4 seconds; a decision that takes two of them leaves too little for the rest.
    set(
        time,
        duration(
            reader,
            &mut section,
            "time",
            Duration::from_millis(1),
            Duration::from_secs(2),
        ),
    );
    let written = section
        .take("instructions")
        .and_then(|node| reader.number(node, 1_000..=1_000_000_000));
    set(instructions, written);
    reader.close(&section);
}
