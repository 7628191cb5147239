//! Telling the platform the last word.

use serde_json::Value;

use crate::domain::effect::Ballot;
use crate::domain::platform::PlatformOutcome;
use crate::secret::Secret;
use crate::source::api::Api;
use crate::source::client::{Class, LARGEST_RESPONSE, Response};
use crate::source::webhook::call::Beside;
use crate::source::webhook::capability::Capabilities;
use crate::source::webhook::settings::{Answering, Call, Settings, Statuses};
use crate::source::webhook::template::{Placeholder, Secrets, Values};
use crate::source::{AnswerResult, AnswerTask, Preview, Reach, reply};

/// Tells the platform, once.
pub(super) async fn answer(settings: &Settings, api: &Api, task: &AnswerTask) -> AnswerResult {
    let Some(answering) = &settings.answer else {
        return AnswerResult::Alert {
            error: "the source has no `answer` to tell the platform with".to_owned(),
        };
    };
    let capabilities = match Capabilities::unpack(task.token.as_ref()) {
        Ok(capabilities) => capabilities,
        Err(foreign) => {
            return AnswerResult::Failed {
                error: foreign.to_string(),
            };
        }
    };
    let ours = reply::ours(task.ballot);
    let values = values(settings, task, &capabilities, &ours);
    let idempotency = task.idempotency_key();
    let beside = Beside {
        query: &[],
        idempotency: &idempotency,
        traceparent: task.traceparent.as_deref(),
        largest: LARGEST_RESPONSE,
    };
    match answering.call(task.ballot).send(api, &values, beside).await {
        Ok(response) => {
            let secrets: Vec<&Secret> = capabilities.secrets().collect();
            let outcome = answering.outcome_in(&response);
            let is_vague = matches!(outcome, None | Some(PlatformOutcome::Other(_)));
            let mut class = answering.statuses.class(&response);
            if class == Class::Taken && is_vague && reply::denies(&response) {
                class = Class::Never;
            }
            reply::understand(&response, class, outcome, &ours, &secrets)
        }
        Err(no_call) => no_call.into(),
    }
}

/// What [`answer`] would send.
pub(super) fn preview(settings: &Settings, task: &AnswerTask) -> Option<Result<Preview, String>> {
    let answering = settings.answer.as_ref()?;
    let capabilities = match Capabilities::unpack(task.token.as_ref()) {
        Ok(capabilities) => capabilities,
        Err(foreign) => return Some(Err(foreign.to_string())),
    };
    let ours = reply::ours(task.ballot);
    let values = values(settings, task, &capabilities, &ours);
    Some(answering.call(task.ballot).preview(&values))
}

fn values<'a>(
    settings: &'a Settings,
    task: &'a AnswerTask,
    capabilities: &'a Capabilities,
    ours: &'a PlatformOutcome,
) -> Values<'a> {
    Values {
        api_url: settings.api_url.as_ref(),
        callback: capabilities.callback.as_ref(),
        id: Some(task.request.as_str()),
        agent: task.agent.as_deref(),
        action: task.action.as_deref(),
        token: capabilities.token.as_ref(),
        rationale: Some(&task.rationale),
        resolution: Some(ours.as_str()),
        case_id: Some(&task.case_id),
        payload: task.payload.as_ref(),
        secrets: Secrets::Sent,
    }
}

impl Answering {
    fn call(&self, ballot: Ballot) -> &Call {
        match ballot {
            Ballot::Approve => &self.approve,
            Ballot::Reject => &self.reject,
        }
    }

    /// Whether either answer names a part of the payload.
    pub(super) fn looks_at_payload(&self) -> bool {
        [&self.approve, &self.reject]
            .into_iter()
            .flat_map(Call::placeholders)
            .any(|placeholder| matches!(placeholder, Placeholder::Payload(_)))
    }

    fn outcome_in(&self, response: &Response) -> Option<PlatformOutcome> {
        let Some(pointer) = &self.outcome else {
            return reply::outcome(response);
        };
        match pointer.find(&response.json()?)? {
            Value::String(word) if !word.is_empty() => Some(PlatformOutcome::parse(word)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }
}

impl Statuses {
    fn class(&self, response: &Response) -> Class {
        let status = response.status.as_u16();
        let listed = |statuses: &Option<Vec<u16>>| {
            statuses.as_ref().is_some_and(|all| all.contains(&status))
        };
        if listed(&self.alert) {
            return Class::Unauthorized;
        }
        if listed(&self.retry) {
            return Class::Later(Reach::Unknown);
        }
        if listed(&self.expired) {
            return Class::Expired;
        }
        if listed(&self.already) {
            return Class::Already;
        }
        if listed(&self.done) {
            return Class::Taken;
        }
        let class = response.class();
        let is_replaced = match class {
            Class::Taken => self.done.is_some(),
            Class::Already => self.already.is_some(),
            Class::Expired => self.expired.is_some(),
            Class::Unauthorized => self.alert.is_some(),
            // What is broken for a moment stays so, whatever else is: nobody lists every status of a proxy.
            Class::Later(_) | Class::Never => false,
        };
        if is_replaced { Class::Never } else { class }
    }
}
