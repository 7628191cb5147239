//! What a delivery says.

use serde_json::Value;

use crate::domain::id::ContentDigest;
use crate::domain::platform::PlatformOutcome;
use crate::json;
use crate::signature::{Delivery, Verified};
use crate::source::webhook::MAXIMUM_SHOWN;
use crate::source::webhook::event::{Event, Kind};
use crate::source::webhook::parts::{self, Reader};
use crate::source::webhook::settings::Settings;
use crate::source::{Elsewhere, FieldRule, Malformed, Occasion, Reading};

/// Understands a delivery by the settings of its source.
pub(super) fn read(
    settings: &Settings,
    delivery: &Verified<Delivery>,
) -> Result<Reading, Malformed> {
    let Delivery { headers, body, .. } = delivery.get();
    let payload = json::parse(body)?;
    if !payload.is_object() {
        return Err(Malformed::NotAnObject);
    }
    let event = match &settings.events {
        Some(events) => Some(Event::find(events, headers, &payload)?),
        None => None,
    };
    match event {
        None => request(settings, payload, delivery),
        Some(event) => match event.kind {
            Kind::Asks => request(settings, payload, delivery),
            // An end of nothing, as a platform's own test may send it, is an event like any other.
            Kind::Ends if parts::id_in(resolved_id(settings), &payload).is_ok() => {
                resolved(settings, &event, &payload, delivery).map(Reading::Resolved)
            }
            Kind::Ends | Kind::Other => Ok(Reading::Nothing(Occasion {
                event: event.shown(),
                request: parts::id_in(&settings.fields.id, &payload)
                    .or_else(|_| parts::id_in(resolved_id(settings), &payload))
                    .ok(),
                content: unproven(settings, &payload, delivery),
                delivery: event.delivery,
            })),
        },
    }
}

fn request(
    settings: &Settings,
    payload: Value,
    delivery: &Verified<Delivery>,
) -> Result<Reading, Malformed> {
    let reader = Reader {
        source: &settings.name,
        platform: settings.platform,
        fields: &settings.fields,
        volatile: &settings.volatile,
    };
    reader
        .read(payload, delivery.proven())
        .map(Box::new)
        .map(Reading::Request)
}

/// What a delivery says, but for what is stamped anew with each, where the platform did not sign it.
fn unproven(
    settings: &Settings,
    payload: &Value,
    delivery: &Verified<Delivery>,
) -> Option<ContentDigest> {
    if delivery.proven().signature {
        return None;
    }
    let mut lasting = payload.clone();
    for volatile in &settings.volatile {
        volatile.remove(&mut lasting);
    }
    Some(ContentDigest::of(&[json::canonical(&lasting).as_bytes()]))
}

fn resolved(
    settings: &Settings,
    event: &Event,
    payload: &Value,
    delivery: &Verified<Delivery>,
) -> Result<Elsewhere, Malformed> {
    let rules = &settings.resolved;
    let said = rules
        .outcome
        .as_ref()
        .and_then(|rule| rule.find_text(payload))
        .map(|word| PlatformOutcome::parse(&word));
    Ok(Elsewhere {
        request: parts::id_in(resolved_id(settings), payload)?,
        event: event.shown(),
        delivery: event.delivery.clone(),
        content: unproven(settings, payload, delivery),
        outcome: first_known(said, event.outcome()),
        by: rules
            .by
            .as_ref()
            .and_then(|rule| person(&rule.find(payload)?)),
        reason: rules
            .reason
            .as_ref()
            .and_then(|rule| rule.find_text(payload))
            .map(|reason| shortened(&reason)),
    })
}

fn resolved_id(settings: &Settings) -> &FieldRule {
    settings.resolved.id.as_ref().unwrap_or(&settings.fields.id)
}

/// The first word that we know, else the first word.
fn first_known(
    said: Option<PlatformOutcome>,
    by_event: Option<PlatformOutcome>,
) -> Option<PlatformOutcome> {
    match (said, by_event) {
        (Some(PlatformOutcome::Other(word)), Some(by_event)) => Some(match by_event {
            PlatformOutcome::Other(_) => PlatformOutcome::Other(word),
            PlatformOutcome::Approved | PlatformOutcome::Rejected | PlatformOutcome::Expired => {
                by_event
            }
        }),
        (Some(said), _) => Some(said),
        (None, by_event) => by_event,
    }
}

/// A name, or what stands for one in an object.
fn person(value: &Value) -> Option<String> {
    let name = if value.is_object() {
        ["name", "email", "id"]
            .into_iter()
            .find_map(|key| parts::text_or_integer(value.get(key)?))
    } else {
        parts::text_or_integer(value)
    };
    name.filter(|name| !name.is_empty())
        .map(|name| shortened(&name))
}

fn shortened(text: &str) -> String {
    text.chars().take(MAXIMUM_SHOWN).collect()
}
