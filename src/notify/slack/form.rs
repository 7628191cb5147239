//! The form that asks for a reason. <https://docs.slack.dev/reference/views/modal-views>

use serde_json::{Value, json};

use crate::domain::card::Card;
use crate::domain::effect::Ballot;
use crate::notify::slack::choice::{Carried, Choice, FORM, Place, REASON};
use crate::notify::slack::text::{HEADER, plain};

/// The longest reason that the form takes; Slack takes 3000.
const LONGEST_REASON: usize = 2000;

/// The longest title, and the longest text of its buttons.
const TITLE: usize = 24;

/// The longest text of a label.
const LABEL: usize = 2000;

/// The form for the reason of `choice`, which was clicked on the card at `place`. Nothing in it is believed when it comes back.
pub fn form(card: &Card, choice: &Choice, place: &Place) -> Option<Value> {
    let title = match choice.vote {
        Ballot::Approve => "Approve",
        Ballot::Reject => "Reject",
    };
    let carried = Carried {
        choice: choice.clone(),
        place: place.clone(),
    };
    let carried = serde_json::to_string(&carried).ok()?;
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
