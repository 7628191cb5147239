//! What a button stands for, and what Slack tells us of a click on it.
//!
//! Slack signs every request, so nobody but Slack, or whoever holds a signing secret, can have written what is read here.
//! All the same nothing of it is believed: what a click is for is sealed by us, the person is looked up, and the case says
//! whether the vote counts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::effect::Ballot;
use crate::domain::id::{CaseId, ContentDigest};
use crate::identity::Seal;
use crate::json;
use crate::notify::slack::sealed::{self, Void};

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
    /// The team whose card it is.
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
    /// They did what counts for nothing.
    Void {
        /// Who.
        by: Clicker,
        /// Where they clicked; nowhere, if they sent a form off.
        place: Option<Place>,
        /// The case that it claims to be about.
        case: Option<CaseId>,
        /// Why.
        why: Void,
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
    /// Reads the body of a request that is proven to be Slack's, of which `seal` sealed what counts.
    pub fn read(body: &[u8], seal: &Seal, now: Timestamp) -> Result<Self, Unreadable> {
        let mut fields = form_urlencoded::parse(body);
        let payload = match (fields.next(), fields.next()) {
            (Some((name, payload)), None) if name == "payload" => payload,
            _ => return Err(Unreadable::Form),
        };
        let payload = json::parse(payload.as_bytes()).map_err(Unreadable::Json)?;
        match text(&payload, "/type") {
            Some("block_actions") => clicked(&payload, seal, now),
            Some("view_submission") => submitted(&payload, seal, now),
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

    /// Whether it is the one that a channel's store keeps as `handle`.
    pub fn is(&self, handle: &str) -> bool {
        Self::parse(handle).as_ref() == Some(self)
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

fn clicked(payload: &Value, seal: &Seal, now: Timestamp) -> Result<Interaction, Unreadable> {
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
    let value = text(action, "/value").ok_or(Unreadable::Part("value"))?;
    let channel = text(payload, "/container/channel_id").unwrap_or_default();
    let ts = text(payload, "/container/message_ts").unwrap_or_default();
    let place = Place::of(channel, ts).ok_or(Unreadable::Part("container"))?;
    let by = clicker(payload)?;
    let trigger = (text(payload, "/trigger_id"))
        .filter(|trigger| !trigger.is_empty() && trigger.len() <= 200)
        .ok_or(Unreadable::Part("trigger_id"))?
        .to_owned();
    // Slack says it twice.
    let elsewhere = text(payload, "/channel/id").is_some_and(|channel| channel != place.channel);
    let choice = match sealed::clicked(seal, value, expected, &place, now) {
        Ok(_) if elsewhere => Err(Void::Elsewhere),
        choice => choice,
    };
    Ok(match choice {
        Ok(choice) => Interaction::Clicked {
            by,
            choice,
            place,
            trigger,
        },
        Err(why) => Interaction::Void {
            by,
            place: Some(place),
            case: sealed::case_beside(value),
            why,
        },
    })
}

fn submitted(payload: &Value, seal: &Seal, now: Timestamp) -> Result<Interaction, Unreadable> {
    if text(payload, "/view/callback_id") != Some(FORM) {
        return Ok(Interaction::Nothing);
    }
    let metadata = text(payload, "/view/private_metadata");
    let metadata = metadata.ok_or(Unreadable::Part("private_metadata"))?;
    let by = clicker(payload)?;
    let reason = text(
        payload,
        &format!("/view/state/values/{REASON}/{REASON}/value"),
    );
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    let carried = sealed::submitted(seal, metadata, &by.user, now);
    Ok(match carried {
        Ok((choice, place)) => Interaction::Submitted {
            by,
            choice,
            place,
            reason: reason.map(str::to_owned),
        },
        Err(why) => Interaction::Void {
            by,
            place: None,
            case: sealed::case_beside(metadata),
            why,
        },
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
