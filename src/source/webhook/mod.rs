//! Any platform that asks by webhook and is answered over HTTP, described by configuration alone.
//!
//! What must hold: nothing is known here of any platform; a place that the settings do not name is absent; a delivery
//! that is not understood is refused, never guessed at; what answers a request leaves towards its platform alone.

mod settings;
mod template;
mod check;
mod event;
mod parts;
mod capability;
mod read;
mod call;
mod raw;
mod pages;
mod record;
mod answer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::credential::Credential;
use crate::domain::case::Mode;
use crate::domain::effect::Forward;
use crate::domain::id::SourceName;
use crate::domain::request::Request;
use crate::signature::{Delivery, Unverified, Verified};
use crate::source::api::Api;
use crate::source::callback::{CallbackClient, SystemResolver};
use crate::source::forward::Forwarder;
use crate::source::{
    AnswerResult, AnswerTask, Client, ConfirmTask, Confirmation, Malformed, NotListed, Preview,
    Reading, Source,
};

pub use check::Unusable;
pub use settings::{
    Acknowledge, Answering, Call, Confirm, Events, Fields, Lookup, Pages, Place, Reconcile,
    ResolvedFields, Settings, Status, Statuses,
};
pub use template::{BodyTemplate, InvalidTemplate, Placeholder, TextTemplate, UrlTemplate};

/// How many characters of a platform's words are shown.
const MAXIMUM_SHOWN: usize = 500;

/// A source that is described by its settings alone.
#[derive(Debug)]
pub struct Webhook {
    settings: Settings,
    api: Api,
    forwarder: Option<Forwarder>,
}

impl Webhook {
    /// A source that calls out by `client`, and to callbacks by a client of its own with the same limits.
    pub fn new(settings: Settings, client: Client) -> Result<Self, Unusable> {
        let callbacks = CallbackClient::new(
            settings.callback_hosts.clone(),
            client.timeouts(),
            Arc::new(SystemResolver),
        )?;
        Self::calling_by(settings, client, callbacks)
    }

    fn calling_by(
        settings: Settings,
        client: Client,
        callbacks: CallbackClient,
    ) -> Result<Self, Unusable> {
        settings.check()?;
        let forwarder = settings
            .forward_to
            .clone()
            .map(|to| Forwarder::new(to, client.clone()));
        Ok(Self {
            settings,
            api: Api::new(client, callbacks),
            forwarder,
        })
    }
}

#[async_trait]
impl Source for Webhook {
    fn name(&self) -> &SourceName {
        &self.settings.name
    }

    fn verify(&self, delivery: Delivery, now: Timestamp) -> Result<Verified<Delivery>, Unverified> {
        self.settings.verify.verify(delivery, now, Credential::read)
    }

    fn read(&self, delivery: &Verified<Delivery>, _now: Timestamp) -> Result<Reading, Malformed> {
        read::read(&self.settings, delivery)
    }

    async fn answer(&self, task: &AnswerTask) -> AnswerResult {
        answer::answer(&self.settings, &self.api, task).await
    }

    async fn forward(&self, forward: &Forward) -> AnswerResult {
        Forwarder::pass_on(self.forwarder.as_ref(), forward).await
    }

    fn confirms_within(&self) -> Option<SignedDuration> {
        self.settings.confirm.as_ref().map(|confirm| confirm.within)
    }

    async fn confirm(&self, task: &ConfirmTask) -> Confirmation {
        record::confirm(&self.settings, &self.api, task).await
    }

    fn reconciles_every(&self) -> Option<SignedDuration> {
        self.settings
            .reconcile
            .as_ref()
            .map(|reconcile| reconcile.every)
    }

    async fn pending(&self) -> Result<Vec<Request>, NotListed> {
        record::pending(&self.settings, &self.api).await
    }

    fn acknowledgement(&self, mode: Mode) -> Option<&Map<String, Value>> {
        match mode {
            Mode::Enforce => self.settings.acknowledge.enforce.as_ref(),
            Mode::DryRun => self.settings.acknowledge.dry_run.as_ref(),
        }
    }

    fn looks_at_payload(&self) -> bool {
        self.settings
            .answer
            .as_ref()
            .is_some_and(Answering::looks_at_payload)
    }

    fn preview(&self, task: &AnswerTask) -> Option<Result<Preview, String>> {
        answer::preview(&self.settings, task)
    }
}
