//! The form that asks for a reason. <https://docs.slack.dev/reference/views/modal-views>

use serde_json::{Value, json};

use crate::domain::card::Card;
use crate::domain::effect::Ballot;
use crate::identity::Seal;
use crate::notify::slack::blocks::said_in_blocks;
use crate::notify::slack::choice::{Choice, FORM, Place, REASON};
use crate::notify::slack::sealed;
use crate::notify::slack::text::{HEADER, Wording, plain};

/// The longest reason that the form takes; Slack takes 3000.
const LONGEST_REASON: usize = 2000;

/// The longest title, and the longest text of its buttons.
const TITLE: usize = 24;

/// The longest text of a label.
const LABEL: usize = 2000;

/// The longest error: Slack says of none how long it may be, and shows it where a label would be.
const ERROR: usize = LABEL;

/// The longest `private_metadata`.
const METADATA: usize = 3000;

/// What Slack is answered where a form that was sent off counts for nothing: it stays, with `said` in it.
/// <https://docs.slack.dev/surfaces/modals#displaying_errors>
pub fn refused_form(said: &Wording) -> Value {
    json!({ "response_action": "errors", "errors": { REASON: said.inert(ERROR) } })
}

/// What Slack is answered where nobody can say yet whether a form that was sent off counts: `said` takes its place.
/// <https://docs.slack.dev/surfaces/modals#updating_response>
pub fn undecided_form(said: &Wording) -> Value {
    json!({
        "response_action": "update",
        "view": {
            "type": "modal",
            "title": plain("Your vote", TITLE),
            "close": plain("Close", TITLE),
            "blocks": said_in_blocks(said),
        },
    })
}

/// The form for the reason of `choice`, which `user` clicked on the card at `place`. It comes back to count from them alone.
/// None, where no question is open, or Slack would not take it.
pub fn form(card: &Card, choice: &Choice, place: &Place, user: &str, seal: &Seal) -> Option<Value> {
    let title = match choice.vote {
        Ballot::Approve => "Approve",
        Ballot::Reject => "Reject",
    };
    let carried = sealed::metadata(seal, card, choice, place, user)?;
    if carried.len() > METADATA {
        return None;
    }
    let label = if card.reason_required {
        "Reason; the platform insists on one"
    } else {
        "Reason"
    };
    Some(json!({
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": carried,
        "title": plain(title, TITLE),
        "submit": plain(title, TITLE),
        "close": plain("Cancel", TITLE),
        "blocks": [
            { "type": "section", "text": plain(&card.headline(HEADER), HEADER) },
            {
                "type": "input",
                "block_id": REASON,
                "optional": !card.reason_required,
                "label": plain(label, LABEL),
                "element": {
                    "type": "plain_text_input", "action_id": REASON, "multiline": true, "max_length": LONGEST_REASON,
                },
            },
        ],
    }))
}
