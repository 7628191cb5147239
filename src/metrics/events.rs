//! What platforms tell us that is neither a request nor the end of one, and what their lists of pending requests show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Source, SourceAndResult, of};
use crate::domain::id::SourceName;

/// How many words of one source have a series of their own. A platform has a handful; a sender who makes them up must
/// not grow the number of series.
const MOST_WORDS: usize = 32;

/// Counters by source and event.
#[derive(Debug, Default)]
pub(super) struct Events {
    told: Family<SourceAndEvent, Counter>,
    words: Mutex<BTreeMap<SourceName, BTreeSet<String>>>,
    looks: Family<SourceAndResult, Counter>,
    found: Family<Source, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceAndEvent {
    source: String,
    event: String,
}

impl Events {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "events",
            "Deliveries that are neither a request nor the end of one, by the platform's word",
            self.told.clone(),
        );
        registry.register(
            "reconciliations",
            "Looks at a platform's list of pending requests",
            self.looks.clone(),
        );
        registry.register(
            "reconciled",
            "Pending requests that no webhook told of",
            self.found.clone(),
        );
    }

    pub(super) fn happened(&self, source: &SourceName, event: &str) {
        let word: String = event.chars().take(64).collect();
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let known = words.entry(source.clone()).or_default();
        let event = if known.contains(&word) {
            word
        } else if known.len() < MOST_WORDS {
            known.insert(word.clone());
            word
        } else {
            "other".to_owned()
        };
        let source = source.to_string();
        self.told
            .get_or_create(&SourceAndEvent { source, event })
            .inc();
    }

    pub(super) fn looked(&self, source: &SourceName, found: Option<usize>) {
        let labels = SourceAndResult {
            source: source.to_string(),
            result: if found.is_some() { "listed" } else { "failed" },
        };
        self.looks.get_or_create(&labels).inc();
        let found = u64::try_from(found.unwrap_or_default()).unwrap_or(u64::MAX);
        self.found.get_or_create(&of(source)).inc_by(found);
    }
}
