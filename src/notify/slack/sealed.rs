//! What buttons and forms carry, sealed: nobody but us says what a click is for.
//!
//! What must hold: a button counts in the channel that its card was made for, as the vote that it says; a form, for whom
//! it was opened. The case stands readable beside the seal, and is believed of nothing but where to look: whoever has a
//! button that does not open is led to the page of its case.

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::card::Card;
use crate::domain::effect::Ballot;
use crate::domain::id::CaseId;
use crate::identity::{Purpose, Seal};
use crate::notify::slack::choice::{Choice, Place};

/// How long after the time to answer a button is still read, so that whoever comes late is told what became of the case.
const READ_AFTER: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Between the case and what is sealed.
const BESIDE: char = '.';

/// What the buttons of one card are sealed with, and for.
#[derive(Debug, Clone, Copy)]
pub struct Buttons<'a> {
    /// With this.
    pub seal: &'a Seal,
    /// For the channel with this id, where the card stands.
    pub channel: &'a str,
}

/// Why a click counts for nothing, whatever it says. The message is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// We never sealed it, or with another key, or too long ago.
    #[error("what it carries is not sealed by this countersign, or was before its key was changed")]
    Unsealed,
    /// The card is in another channel than its buttons were made for.
    #[error("the button was made for another channel")]
    Elsewhere,
    /// It is the other button.
    #[error("the button was made for the other vote")]
    AnotherVote,
    /// The form was opened for somebody else.
    #[error("the form was opened for somebody else")]
    NotTheirs,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Button {
    choice: Choice,
    channel: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    choice: Choice,
    place: Place,
    user: String,
}

impl Buttons<'_> {
    /// The value of the button for `choice` on `card`; none, if no question is open.
    pub(super) fn value(&self, card: &Card, choice: &Choice) -> Option<String> {
        let button = Button {
            choice: choice.clone(),
            channel: self.channel.to_owned(),
        };
        sealed(self.seal, Purpose::SlackButton, card, &button)
    }
}

/// What the button with `value` stands for, which was clicked at `place` as `vote`.
pub(super) fn clicked(
    seal: &Seal,
    value: &str,
    vote: Ballot,
    place: &Place,
    now: Timestamp,
) -> Result<Choice, Void> {
    let Button { choice, channel } = opened(seal, Purpose::SlackButton, value, now)?;
    beside(value, &choice)?;
    if channel != place.channel {
        return Err(Void::Elsewhere);
    }
    if choice.vote != vote {
        return Err(Void::AnotherVote);
    }
    Ok(choice)
}

/// What a form carries from the click of `user` that opened it.
pub(super) fn metadata(
    seal: &Seal,
    card: &Card,
    choice: &Choice,
    place: &Place,
    user: &str,
) -> Option<String> {
    let form = Form {
        choice: choice.clone(),
        place: place.clone(),
        user: user.to_owned(),
    };
    sealed(seal, Purpose::SlackForm, card, &form)
}

/// What the form with `metadata` is for, which `user` sends off.
pub(super) fn submitted(
    seal: &Seal,
    metadata: &str,
    user: &str,
    now: Timestamp,
) -> Result<(Choice, Place), Void> {
    let form: Form = opened(seal, Purpose::SlackForm, metadata, now)?;
    beside(metadata, &form.choice)?;
    if form.user != user {
        return Err(Void::NotTheirs);
    }
    Ok((form.choice, form.place))
}

/// The case that `text` says it is about. Anybody can have written it.
pub(super) fn case_beside(text: &str) -> Option<CaseId> {
    let (case, _) = text.split_once(BESIDE)?;
    CaseId::parse(case).ok()
}

fn sealed(seal: &Seal, purpose: Purpose, card: &Card, content: &impl Serialize) -> Option<String> {
    let deadline = card.question.as_ref()?.deadline;
    let until = deadline.saturating_add(READ_AFTER);
    let until = until.unwrap_or(Timestamp::MAX);
    let sealed = seal.seal(purpose, content, until).ok()?;
    Some(format!("{}{BESIDE}{sealed}", card.case_id))
}

fn opened<T: DeserializeOwned>(
    seal: &Seal,
    purpose: Purpose,
    text: &str,
    now: Timestamp,
) -> Result<T, Void> {
    let (_, sealed) = text.split_once(BESIDE).ok_or(Void::Unsealed)?;
    seal.open(purpose, sealed, now).ok_or(Void::Unsealed)
}

fn beside(text: &str, choice: &Choice) -> Result<(), Void> {
    let same = case_beside(text) == Some(choice.case);
    same.then_some(()).ok_or(Void::Unsealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ContentDigest;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn place(channel: &str) -> Place {
        let handle = format!(r#"{{"channel":"{channel}","ts":"1.2"}}"#);
        Place::parse(&handle).unwrap()
    }

    fn choice() -> Choice {
        Choice {
            case: CaseId::from_bytes([7; 16]),
            shown: ContentDigest::from_bytes([9; 32]),
            vote: Ballot::Approve,
            team: "payments".to_owned(),
        }
    }

    fn written(purpose: Purpose, content: &impl Serialize) -> String {
        let until = now() + SignedDuration::from_hours(1);
        let sealed = Seal::new(&[1; 32]).seal(purpose, content, until).unwrap();
        format!("{}.{sealed}", choice().case)
    }

    fn button() -> String {
        let (choice, channel) = (choice(), "C0PAY".to_owned());
        written(Purpose::SlackButton, &Button { choice, channel })
    }

    fn click(value: &str, vote: Ballot, channel: &str, now: Timestamp) -> Result<Choice, Void> {
        clicked(&Seal::new(&[1; 32]), value, vote, &place(channel), now)
    }

    #[test]
    fn a_button_counts_as_what_it_was_made_for_and_where() {
        let button = button();
        let (approve, now) = (Ballot::Approve, now());
        assert_eq!(click(&button, approve, "C0PAY", now), Ok(choice()));
        let elsewhere = click(&button, approve, "C0MAN", now);
        assert_eq!(elsewhere, Err(Void::Elsewhere));
        let other = click(&button, Ballot::Reject, "C0PAY", now);
        assert_eq!(other, Err(Void::AnotherVote));
        let late = click(&button, approve, "C0PAY", now + READ_AFTER);
        assert_eq!(late, Err(Void::Unsealed));
        let key = Seal::new(&[2; 32]);
        let foreign = clicked(&key, &button, approve, &place("C0PAY"), now);
        assert_eq!(foreign, Err(Void::Unsealed));
    }

    #[test]
    fn nothing_else_opens_as_a_button() {
        let button = button();
        let (_, sealed) = button.split_once(BESIDE).unwrap();
        let another = format!("{}.{sealed}", CaseId::from_bytes([8; 16]));
        let form = written(Purpose::SlackForm, &(choice(), "C0PAY"));
        let plain = serde_json::to_string(&choice()).unwrap();
        for value in [&another, &form, &plain, sealed, "", ".", "approve"] {
            let opened = click(value, Ballot::Approve, "C0PAY", now());
            assert_eq!(opened, Err(Void::Unsealed), "{value}");
        }
        // Whoever has one that does not open is led to its case all the same.
        assert_eq!(case_beside(&form), Some(choice().case));
        assert_eq!(case_beside(&plain), None);
    }

    #[test]
    fn a_form_counts_for_whom_it_was_opened_and_a_button_is_no_form() {
        let form = Form {
            choice: choice(),
            place: place("C0PAY"),
            user: "U0BOB".to_owned(),
        };
        let form = written(Purpose::SlackForm, &form);
        let seal = Seal::new(&[1; 32]);
        let sent = |text: &str, user| submitted(&seal, text, user, now());
        assert_eq!(sent(&form, "U0BOB"), Ok((choice(), place("C0PAY"))));
        assert_eq!(sent(&form, "U0EVE"), Err(Void::NotTheirs));
        assert_eq!(sent(&button(), "U0BOB"), Err(Void::Unsealed));
    }
}
