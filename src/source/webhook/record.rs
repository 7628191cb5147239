//! The platform's own record of a request: one that we were told of, or all that are pending.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::id::RequestId;
use crate::domain::request::{Proven, Request};
use crate::json;
use crate::source::api::Api;
use crate::source::blot::mentions;
use crate::source::webhook::MAXIMUM_SHOWN;
use crate::source::webhook::capability::Capabilities;
use crate::source::webhook::pages::Walk;
use crate::source::webhook::parts::Reader;
use crate::source::webhook::raw;
use crate::source::webhook::settings::{Lookup, Settings, Status};
use crate::source::webhook::template::Values;
use crate::source::{ConfirmTask, Confirmation, Malformed, NotListed};

/// What a record proves: the platform has it. Who sent the delivery is another question.
const PROVEN: Proven = Proven {
    signature: false,
    record: true,
};

/// Reads the record of one request, once.
pub(super) async fn confirm(settings: &Settings, api: &Api, task: &ConfirmTask) -> Confirmation {
    let failed = |error: String| Confirmation::Failed { error };
    let Some(confirm) = &settings.confirm else {
        return failed("the source does not read requests back any more".to_owned());
    };
    let capabilities = match Capabilities::unpack(task.token.as_ref()) {
        Ok(capabilities) => capabilities,
        Err(foreign) => return failed(foreign.to_string()),
    };
    let lookup = &confirm.lookup;
    let values = Values {
        id: Some(task.request.as_str()),
        agent: task.agent.as_deref(),
        action: task.action.as_deref(),
        token: capabilities.token.as_ref(),
        ..Values::none(settings.api_url.as_ref())
    };
    let mut walk = Walk::new(lookup, values, task.traceparent.as_deref());
    let record = loop {
        let records = match walk.page(api).await {
            Ok(Some(records)) => records,
            Ok(None) => return Confirmation::Missing,
            Err(stopped) => return stopped.into(),
        };
        match the_one(lookup, &records, &task.request) {
            Ok(Some(record)) => break record,
            Ok(None) => {}
            Err(error) => return failed(error),
        }
    };
    drop(walk);
    match how_it_stands(lookup.status.as_ref(), &record) {
        Ok(Standing::Pending) => {}
        Ok(Standing::Other(status)) => return Confirmation::NotPending { status },
        Err(Unstated) => return failed(Unstated.to_string()),
    }
    match reader(settings, lookup).read(record, PROVEN) {
        Ok(request) if repeats(&request, &capabilities) => failed(
            "the platform's record repeats the request's token or callback; say in `confirm.fields` where, so that \
             it can be taken out"
                .to_owned(),
        ),
        Ok(mut request) => {
            let own = Capabilities::unpack(request.token.as_ref()).unwrap_or_default();
            request.token = own.or(capabilities).pack();
            Confirmation::Record(Box::new(request))
        }
        Err(malformed) => failed(not_usable(&malformed)),
    }
}

/// Every request that the platform lists as pending. A record that is none, or that another one contradicts, is left out.
pub(super) async fn pending(settings: &Settings, api: &Api) -> Result<Vec<Request>, NotListed> {
    let Some(reconcile) = &settings.reconcile else {
        return Ok(Vec::new());
    };
    let lookup = &reconcile.lookup;
    let mut left_out: Vec<String> = Vec::new();
    let mut walk = Walk::new(lookup, Values::none(settings.api_url.as_ref()), None);
    let mut found: Vec<(RequestId, Value)> = Vec::new();
    let mut places: HashMap<RequestId, usize> = HashMap::new();
    let mut contradicted = HashSet::new();
    while let Some(records) = walk.page(api).await? {
        for record in records {
            let Some(id) = raw::id(&lookup.fields.id, &record) else {
                left_out.push("it has no id".to_owned());
                continue;
            };
            let parsed = match json::parse(record.get().as_bytes()) {
                Ok(parsed) => parsed,
                Err(refused) => {
                    left_out.push(refused.to_string());
                    contradicted.insert(id);
                    continue;
                }
            };
            match places.get(&id).and_then(|place| found.get(*place)) {
                None => {
                    places.insert(id.clone(), found.len());
                    found.push((id, parsed));
                }
                Some((_, other)) if *other == parsed => {}
                Some(_) => {
                    left_out.push("another record has the same id and says otherwise".to_owned());
                    contradicted.insert(id);
                }
            }
        }
    }
    let reader = reader(settings, lookup);
    let mut requests = Vec::new();
    for (id, record) in found {
        if contradicted.contains(&id) {
            continue;
        }
        match how_it_stands(lookup.status.as_ref(), &record) {
            Ok(Standing::Pending) => {}
            Ok(Standing::Other(_)) => continue,
            Err(Unstated) => {
                left_out.push(Unstated.to_string());
                continue;
            }
        }
        match reader.read(record, PROVEN) {
            Ok(request) => requests.push(request),
            Err(malformed) => left_out.push(not_usable(&malformed)),
        }
    }
    if let Some(error) = left_out.first() {
        tracing::warn!(
            source.name = settings.name.as_str(),
            records = left_out.len(),
            error,
            "{} of the records that the platform lists are left out; the first: {error}",
            left_out.len()
        );
    }
    Ok(requests)
}

/// The one record of `request` among `records`, if there is any.
fn the_one(
    lookup: &Lookup,
    records: &[Box<RawValue>],
    request: &RequestId,
) -> Result<Option<Value>, String> {
    let mut found = None;
    for record in records {
        let id = raw::id(&lookup.fields.id, record);
        if id.as_ref() != Some(request) {
            if lookup.items.is_none() {
                return Err("the platform showed the record of another request".to_owned());
            }
            continue;
        }
        let record = json::parse(record.get().as_bytes())
            .map_err(|refused| format!("the platform's record cannot be read: {refused}"))?;
        match &found {
            None => found = Some(record),
            Some(other) if *other == record => {}
            Some(_) => {
                return Err(
                    "the platform's list is ambiguous: two records have the request's id"
                        .to_owned(),
                );
            }
        }
    }
    Ok(found)
}

enum Standing {
    Pending,
    Other(String),
}

#[derive(Debug, thiserror::Error)]
#[error("the platform's record does not say whether it is pending")]
struct Unstated;

fn how_it_stands(status: Option<&Status>, record: &Value) -> Result<Standing, Unstated> {
    let Some(status) = status else {
        return Ok(Standing::Pending);
    };
    match status.at.find(record) {
        Some(Value::String(word)) if status.pending.contains(word) => Ok(Standing::Pending),
        Some(Value::String(word)) if !word.is_empty() => {
            Ok(Standing::Other(word.chars().take(MAXIMUM_SHOWN).collect()))
        }
        Some(
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
        )
        | None => Err(Unstated),
    }
}

/// Whether others would see in the record what came with the delivery. It is not taken out of the record by its text:
/// whoever made a delivery up would choose what the record says.
fn repeats(request: &Request, delivered: &Capabilities) -> bool {
    let own = Capabilities::unpack(request.token.as_ref()).unwrap_or_default();
    let seen = Value::Array(vec![
        request.payload.clone(),
        request.context.clone().unwrap_or_default(),
        request.action.clone().into(),
        request.agent.clone().into(),
        request.title.clone().into(),
        request.message.clone().into(),
    ]);
    delivered
        .secrets()
        .filter(|secret| {
            !own.secrets()
                .any(|own| own.matches(secret.expose().as_bytes()))
        })
        .any(|secret| mentions(&seen, secret))
}

fn reader<'a>(settings: &'a Settings, lookup: &'a Lookup) -> Reader<'a> {
    Reader {
        source: &settings.name,
        platform: settings.platform,
        fields: &lookup.fields,
        volatile: &[],
    }
}

fn not_usable(malformed: &Malformed) -> String {
    format!("the platform's record is not usable: {malformed}")
}
