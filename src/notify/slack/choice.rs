//! What a button stands for, and what Slack tells us of a click on it.
//!
//! Slack signs every request, so nobody but Slack, or whoever holds the bot's token, can have written what is read here.
//! All the same nothing of it is believed: the person is looked up, and the case says whether the vote counts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::effect::Ballot;
use crate::domain::id::{CaseId, ContentDigest};
use crate::json;

/// The action of a button that approves.
pub(super) const APPROVE: &str = "countersign_approve";
/// The action of a button that rejects.
pub(super) const REJECT: &str = "countersign_reject";
/// The action of the link to the inbox. Slack tells of it, and there is nothing to do.
pub(super) const OPEN: &str = "countersign_open";
/// The form for a reason.
pub(super) const FORM: &str = "countersign_vote";
/// The reason in the form.
pub(super) const REASON: &str = "reason";

/// A vote that a button or a form stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// On this case.
    pub case: CaseId,
    /// As it was shown.
    pub shown: ContentDigest,
    /// Yes or no.
    pub vote: Ballot,
    /// The team whose channel the card is in: it says whether the card still has buttons, and nothing else.
    pub team: String,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The channel's id.
    pub channel: String,
    /// What Slack calls the message there.
    pub ts: String,
}

/// What a form carries from the click that opened it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Carried {
    pub(super) choice: Choice,
    pub(super) place: Place,
}

/// Who clicked, as Slack names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clicker {
    /// The user's id.
    pub user: String,
    /// The workspaces that Slack names beside them: theirs, and the one that the click was made in.
    pub workspaces: [Option<String>; 2],
}

/// What somebody did in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    /// They clicked a button of a card.
    Clicked {
        /// Who.
        by: Clicker,
        /// What for.
        choice: Choice,
        /// The card.
        place: Place,
        /// With it a form can be opened for them, for three seconds.
        trigger: String,
    },
    /// They sent the form off.
    Submitted {
        /// Who.
        by: Clicker,
        /// What for.
        choice: Choice,
        /// The card.
        place: Place,
        /// Why.
        reason: Option<String>,
    },
    /// Something that we do not act on.
    Nothing,
}

/// Why a request of Slack's cannot be read. The message is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The body is no form with one payload.
    #[error("the body must be a form with one `payload`")]
    Form,
    /// The payload is no JSON that has one meaning.
    #[error("the payload cannot be read: {0}")]
    Json(json::Refused),
    /// A part is missing or is not what it should be.
    #[error("`{0}` of the payload is missing or cannot be read")]
    Part(&'static str),
}

impl Interaction {
    /// Reads the body of a request that is proven to be Slack's.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let mut fields = form_urlencoded::parse(body);
        let payload = match (fields.next(), fields.next()) {
            (Some((name, payload)), None) if name == "payload" => payload,
            _ => return Err(Unreadable::Form),
        };
        let payload = json::parse(payload.as_bytes()).map_err(Unreadable::Json)?;
        match text(&payload, "/type") {
            Some("block_actions") => clicked(&payload),
            Some("view_submission") => submitted(&payload),
            Some(_) => Ok(Self::Nothing),
            None => Err(Unreadable::Part("type")),
        }
    }
}

impl Place {
    /// Where the message is that Slack answers to have posted.
    pub(super) fn of_answer(answer: &Value) -> Option<Self> {
        Self::of(text(answer, "/channel")?, text(answer, "/ts")?)
    }

    /// The place that we called `handle` before.
    pub(super) fn parse(handle: &str) -> Option<Self> {
        serde_json::from_str(handle).ok()
    }

    /// What a channel's store keeps of it.
    pub(super) fn handle(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    fn of(channel: &str, ts: &str) -> Option<Self> {
        let moment = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let sound = is_id(channel) && !ts.is_empty() && ts.len() <= 40 && ts.bytes().all(moment);
        sound.then(|| Self {
            channel: channel.to_owned(),
            ts: ts.to_owned(),
        })
    }
}

fn clicked(payload: &Value) -> Result<Interaction, Unreadable> {
    let Some([action]) = payload
        .pointer("/actions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return Err(Unreadable::Part("actions"));
    };
    let expected = match text(action, "/action_id") {
        Some(APPROVE) => Ballot::Approve,
        Some(REJECT) => Ballot::Reject,
        Some(_) => return Ok(Interaction::Nothing),
        None => return Err(Unreadable::Part("action_id")),
    };
    let choice: Choice = part(action, "/value").ok_or(Unreadable::Part("value"))?;
    if choice.vote != expected {
        return Err(Unreadable::Part("value"));
    }
    let channel = text(payload, "/container/channel_id").unwrap_or_default();
    let ts = text(payload, "/container/message_ts").unwrap_or_default();
    Ok(Interaction::Clicked {
        by: clicker(payload)?,
        choice,
        place: Place::of(channel, ts).ok_or(Unreadable::Part("container"))?,
        trigger: (text(payload, "/trigger_id"))
            .filter(|trigger| !trigger.is_empty() && trigger.len() <= 200)
            .ok_or(Unreadable::Part("trigger_id"))?
            .to_owned(),
    })
}

fn submitted(payload: &Value) -> Result<Interaction, Unreadable> {
    if text(payload, "/view/callback_id") != Some(FORM) {
        return Ok(Interaction::Nothing);
    }
    let Carried { choice, place } =
        part(payload, "/view/private_metadata").ok_or(Unreadable::Part("private_metadata"))?;
    let reason = text(
        payload,
        &format!("/view/state/values/{REASON}/{REASON}/value"),
    );
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    Ok(Interaction::Submitted {
        by: clicker(payload)?,
        choice,
        place: Place::of(&place.channel, &place.ts).ok_or(Unreadable::Part("private_metadata"))?,
        reason: reason.map(str::to_owned),
    })
}

fn clicker(payload: &Value) -> Result<Clicker, Unreadable> {
    let id = |pointer| {
        text(payload, pointer)
            .filter(|id| is_id(id))
            .map(str::to_owned)
    };
    Ok(Clicker {
        user: id("/user/id").ok_or(Unreadable::Part("user"))?,
        workspaces: [id("/user/team_id"), id("/team/id")],
    })
}

/// Whether `text` is an id such as Slack gives: `C0123ABCD`.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

fn part<T: serde::de::DeserializeOwned>(value: &Value, pointer: &str) -> Option<T> {
    let value = json::parse(text(value, pointer)?.as_bytes()).ok()?;
    serde_json::from_value(value).ok()
}
