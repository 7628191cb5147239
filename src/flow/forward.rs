//! Events on their way to whoever received them before us: what is passed on, in which order, and once.

use http::HeaderValue;
use jiff::Timestamp;

use crate::domain::case::Mode;
use crate::domain::effect::{Effect, Forward, Planned, Release};
use crate::domain::id::{ContentDigest, RequestId, SourceName};
use crate::flow::{Desk, Flow, Forwards, Refusal};
use crate::signature::{Delivery, Verified};
use crate::source::Occasion;

impl Flow {
    /// A request is passed on in dry-run, since whoever answered before still does; else only where all is.
    pub(super) fn forward_of_request(
        desk: &Desk,
        verified: &Verified<Delivery>,
        id: &RequestId,
        now: Timestamp,
    ) -> Option<Planned> {
        // Whoever is behind us could take a sample for somebody's request.
        if id.is_sample() {
            return None;
        }
        let id = id.as_str();
        match (desk.forwards, desk.terms.mode) {
            (Forwards::Everything, _) | (Forwards::Events, Mode::DryRun) => {
                forward(desk, verified, id, now)
            }
            (Forwards::Events, Mode::Enforce) | (Forwards::Nothing, _) => None,
        }
    }

    /// Passes a request on whose case began before it was delivered, once.
    pub(super) async fn pass_on_late(
        &self,
        desk: &Desk,
        id: &RequestId,
        forward: Option<Planned>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(planned) = forward else {
            return Ok(());
        };
        let parts = [desk.source.name().as_str(), "late request", id.as_str()];
        let once = ContentDigest::of(&parts.map(str::as_bytes));
        let passed_on = self.store.forward(planned, Some(once), now).await;
        passed_on.map_err(Refusal::Unstored)
    }

    pub(super) async fn pass_on(
        &self,
        desk: &Desk,
        verified: &Verified<Delivery>,
        occasion: &Occasion,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        // In order per request; of what names none, per kind of event.
        let request = occasion.request.as_ref().map(RequestId::as_str);
        let lane = request.unwrap_or(occasion.event.as_str());
        let once = once(desk.source.name(), occasion);
        match forward(desk, verified, lane, now) {
            Some(planned) => self
                .store
                .forward(planned, once, now)
                .await
                .map_err(Refusal::Unstored),
            None => Ok(()),
        }
    }
}

/// What tells a repeated delivery of an event from another event; nothing where the platform names neither. Under a name
/// that nobody signed anything may have come before: only what says the same is the same event then.
fn once(source: &SourceName, occasion: &Occasion) -> Option<ContentDigest> {
    let request = occasion.request.as_ref().map(RequestId::as_str);
    let (kind, id) = match (&occasion.delivery, request) {
        (Some(delivery), _) => ("delivery", delivery.as_str()),
        (None, Some(request)) => ("request", request),
        (None, None) => return None,
    };
    let parts = [source.as_str(), &occasion.event, kind, id].map(str::as_bytes);
    let content = occasion.content.as_ref().map(ContentDigest::as_bytes);
    let content: &[u8] = content.map_or(&[], |content| &content[..]);
    let parts: Vec<&[u8]> = parts.into_iter().chain([content]).collect();
    Some(ContentDigest::of(&parts))
}

fn forward(
    desk: &Desk,
    verified: &Verified<Delivery>,
    id: &str,
    now: Timestamp,
) -> Option<Planned> {
    match desk.forwards {
        Forwards::Nothing => None,
        Forwards::Events | Forwards::Everything => {
            let name = desk.source.name();
            let delivery = verified.get();
            let headers = delivery
                .headers
                .iter()
                .map(|(header, value)| (header.to_string(), text_of(value)))
                .collect();
            let forward = Forward {
                source: name.clone(),
                lane: format!("{name} {id}"),
                headers,
                body: delivery.body.to_vec(),
            };
            let not_after = now
                .saturating_add(desk.terms.give_up_after)
                .unwrap_or(Timestamp::MAX);
            Some(Planned {
                effect: Effect::Forward(forward),
                release: Release::Send,
                not_after,
            })
        }
    }
}

/// A header's value, a character for each byte: values need be neither ASCII nor UTF-8, and are passed on as they came.
fn text_of(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}
