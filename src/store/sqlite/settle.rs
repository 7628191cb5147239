//! What becomes of an attempt at an effect: it is done, due again, or a dead letter; its case moves; and the log says so.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::{Map, Value, json};

use crate::domain::case::{CaseTerms, Event, Moved};
use crate::domain::effect::{Effect, EffectId, Reached};
use crate::domain::log_entry::EntryKind;
use crate::domain::notice::ChannelName;
use crate::store::Attempt;
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::effects::EffectRow;
use crate::store::sqlite::outbox::bury;
use crate::store::sqlite::rows;
use crate::store::sqlite::step::Loaded;
use crate::store::sqlite::writer::{Failure, Writing};

/// Records `attempt` at the effect `id`. Returns its case if that moved.
pub(super) fn settle(
    writing: &mut Writing<'_>,
    id: EffectId,
    attempt: Attempt,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Option<Moved>, Failure> {
    let Some(row) = EffectRow::find(writing, id)? else {
        return Ok(None);
    };
    let effect = row.effect()?;
    let loaded = row.case(writing)?;
    let withdrawn = match (&effect, row.state.as_str()) {
        (Effect::Answer(answer), "withdrawn") => Some(answer.ballot),
        (Effect::Answer(_) | Effect::Forward(_) | Effect::Confirm | Effect::Notify(_), _) => None,
    };
    let mut detail = about(&row, &effect);
    detail.insert("attempts".to_owned(), json!(row.attempts + 1));
    match attempt {
        Attempt::Done(event) => {
            delete(writing, id)?;
            let result = event.as_ref().and_then(result);
            let event = match withdrawn {
                Some(sent) => event.and_then(|event| event.of_withdrawn(sent)),
                None => event,
            };
            if let Some(result) = result {
                detail.insert("result".to_owned(), result.into());
            }
            let is_delivery = result.is_some() || matches!(effect, Effect::Forward(_));
            let attempt = is_delivery.then_some(&detail);
            let stayed = match (loaded, event) {
                (Some(loaded), Some(event)) => {
                    match move_case(writing, loaded, event, attempt, terms, now)? {
                        Ok(moved) => return Ok(Some(moved)),
                        Err(stayed) => Some(stayed),
                    }
                }
                (loaded, _) => loaded,
            };
            // What belongs to no case is on no timeline.
            if is_delivery && stayed.is_some() {
                log(writing, stayed.as_ref(), EntryKind::Delivered, detail, now)?;
            }
        }
        Attempt::Told { handle } => {
            delete(writing, id)?;
            if let (Effect::Notify(notice), Some(loaded), Some(handle)) = (&effect, &loaded, handle)
            {
                remember(writing, loaded.rowid, &notice.channel, &handle)?;
            }
            log(writing, loaded.as_ref(), EntryKind::Delivered, detail, now)?;
        }
        Attempt::Again { at, error, reached } => {
            detail.insert("error".to_owned(), error.as_str().into());
            if withdrawn.is_some() {
                delete(writing, id)?;
            } else if row.state == "due" {
                again(writing, &row, at, &error, reached)?;
                detail.insert("next".to_owned(), json!(at));
            } else {
                return Ok(None);
            }
            log(
                writing,
                loaded.as_ref(),
                EntryKind::AttemptFailed,
                detail,
                now,
            )?;
        }
        // Another worker gave it up when the lease of this one had run out.
        Attempt::Dead { .. } if row.state == "dead" => {}
        Attempt::Dead { error, event } => {
            bury(writing, id.0, &error)?;
            let answers = matches!(effect, Effect::Answer(_));
            let is_over = withdrawn.is_some() || (answers && event.is_some());
            let event = match withdrawn {
                Some(sent) => event.and_then(|event| event.of_withdrawn(sent)),
                None => event,
            };
            let stayed = match (loaded, event) {
                (Some(loaded), Some(event)) if answers => {
                    match move_case(writing, loaded, event, Some(&detail), terms, now)? {
                        Ok(moved) => return Ok(Some(moved)),
                        Err(stayed) => Some(stayed),
                    }
                }
                (loaded, _) => loaded,
            };
            detail.insert("error".to_owned(), error.into());
            let kind = if is_over {
                // The case has no use for the answer any more.
                delete(writing, id)?;
                EntryKind::AttemptFailed
            } else {
                EntryKind::DeadLettered
            };
            log(writing, stayed.as_ref(), kind, detail, now)?;
        }
    }
    Ok(None)
}

/// Moves the case by `event`, with what is known of the `attempt` that it comes of beside its entry; or gives it back.
pub(super) fn move_case(
    writing: &mut Writing<'_>,
    loaded: Loaded,
    event: Event,
    attempt: Option<&Map<String, Value>>,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Result<Moved, Loaded>, Failure> {
    let event = event.under(writing.standing.freeze.as_ref());
    let Ok(mut step) = loaded.case.clone().step(event, terms, now) else {
        return Ok(Err(loaded));
    };
    if let (Some(entry), Some(attempt)) = (step.entry.detail.as_object_mut(), attempt) {
        for (name, value) in attempt {
            entry.entry(name).or_insert_with(|| value.clone());
        }
    }
    loaded.apply(writing, step, now).map(Ok)
}

/// What an entry says of an effect, whatever became of it.
pub(super) fn about(row: &EffectRow, effect: &Effect) -> Map<String, Value> {
    let mut detail = Map::new();
    detail.insert("effect".to_owned(), row.id.into());
    detail.insert("kind".to_owned(), row.kind.as_str().into());
    if let Effect::Notify(notice) = effect {
        detail.insert("channel".to_owned(), notice.channel.as_str().into());
        detail.insert("occasion".to_owned(), notice.occasion.as_str().into());
    }
    detail
}

/// What an attempt came to that reached the platform.
fn result(event: &Event) -> Option<&'static str> {
    match event {
        Event::AnswerTaken { .. } => Some("done"),
        Event::AnswerNotNeeded { .. } => Some("already"),
        Event::Voted { .. }
        | Event::TimePassed
        | Event::PlatformResolved { .. }
        | Event::AnswerExpired
        | Event::AnswerGivenUp { .. }
        | Event::AnswerTooLate { .. }
        | Event::AnswerRetried { .. }
        | Event::Confirmed(_)
        | Event::Unconfirmed { .. }
        | Event::AnswerUnfounded { .. }
        | Event::StillPending { .. } => None,
    }
}

/// Writes an entry of `detail`, on the timeline of the case if there is one.
pub(super) fn log(
    writing: &mut Writing<'_>,
    loaded: Option<&Loaded>,
    kind: EntryKind,
    detail: Map<String, Value>,
    now: Timestamp,
) -> Result<(), Failure> {
    let detail = rows::json(&Value::Object(detail))?;
    if let Some(loaded) = loaded {
        return loaded.log(writing, kind, detail, now);
    }
    let link = Link {
        at: now,
        kind,
        case: None,
        body: chain::body(writing.key, &detail),
        detail,
        state: None,
    };
    writing
        .standing
        .append(writing.connection, writing.key, &link)
}

/// Keeps what the channel calls the message it has of the case.
fn remember(
    writing: &Writing<'_>,
    case: i64,
    channel: &ChannelName,
    handle: &str,
) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO told (case_id, channel, handle) VALUES (?1, ?2, ?3)
             ON CONFLICT (case_id, channel) DO UPDATE SET handle = excluded.handle",
        )?
        .execute(params![case, channel.as_str(), handle])?;
    Ok(())
}

fn again(
    writing: &Writing<'_>,
    row: &EffectRow,
    at: Timestamp,
    error: &str,
    reached: Reached,
) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET leased = 0, due_at = ?2, attempts = ?3, reached = ?4, error = ?5 WHERE id = ?1",
        )?
        .execute(params![
            row.id,
            at.as_microsecond(),
            row.attempts + 1,
            row.reached || reached == Reached::Perhaps,
            error
        ])?;
    Ok(())
}

fn delete(writing: &Writing<'_>, id: EffectId) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}
