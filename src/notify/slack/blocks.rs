//! The card in Slack's Block Kit.
//!
//! What must hold: what others wrote is in `plain_text` objects and comes after words of ours that say whose it is; a card
//! has buttons for a vote only while its own team is asked; no message is larger than Slack takes
//! (<https://docs.slack.dev/reference/block-kit/blocks>: 50 blocks, ten fields in a section of 2000 characters each).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::domain::card::{Card, Ending, Question, Said};
use crate::domain::effect::Ballot;
use crate::domain::rationale::visible;
use crate::notify::slack::choice::{APPROVE, Choice, OPEN, REJECT};
use crate::notify::slack::sealed::Buttons;
use crate::notify::slack::text::{HEADER, SECTION, Wording, date, plain};

/// The longest text of an agent's own words, or of a rationale: Slack takes about 13000 characters in one message.
const WORDS: usize = 900;
/// The longest fact.
const FACT: usize = 300;
/// More facts than these are in the inbox only.
const FACTS: usize = 20;
/// How many facts stand in one section.
const FACTS_IN_A_SECTION: usize = 10;
/// More votes than these are in the inbox only.
const VOTES: usize = 10;
/// The longest address that a button leads to. <https://docs.slack.dev/reference/block-kit/block-elements/button-element>
const ADDRESS: usize = 3000;
/// The longest value of a button.
const VALUE: usize = 2000;

/// A message as Slack takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// What a phone shows of it.
    pub(super) text: String,
    /// What it looks like.
    pub(super) blocks: Vec<Value>,
}

impl Face {
    /// The card as `team` is shown it, with a link to it in the inbox, and with buttons for a vote if it may have some.
    pub fn of(card: &Card, team: &str, link: &str, votes: Option<Buttons<'_>>) -> Self {
        let mut blocks = vec![header(card)];
        blocks.extend(standing(card, team));
        blocks.extend(words(card));
        blocks.extend(facts(card));
        let from = format!("Asked by source {} as {}", card.source, card.request);
        blocks.push(context(&from));
        blocks.push(section(&format!("Why: {}", card.rationale), WORDS));
        if card.ending.is_none() {
            blocks.extend(nearly(card));
        }
        blocks.extend(said(card));
        blocks.extend(buttons(card, team, link, votes));
        Self {
            text: notification(card, team),
            blocks,
        }
    }

    /// What says no more than that there is something, and where: for when Slack refuses the whole card.
    pub(super) fn bare(card: &Card, team: &str, link: &str) -> Self {
        let mut blocks: Vec<Value> = standing(card, team).into_iter().take(1).collect();
        blocks.push(section(
            &format!(
                "Slack does not take the card of {}. Look at it in the inbox: {link}",
                card.case_id
            ),
            WORDS,
        ));
        Self {
            text: notification(card, team),
            blocks,
        }
    }

    /// What the team is reminded with.
    pub(super) fn reminder(card: &Card, team: &str) -> Self {
        Self::reply(
            "⏰ Half of the time is up, and nobody has decided.",
            card,
            team,
        )
    }

    /// What the team is asked with where it has a card already, which says what is asked.
    pub(super) fn asked_again(card: &Card, team: &str) -> Self {
        Self::reply(
            "🔔 This team is asked to decide, whatever was said here before.",
            card,
            team,
        )
    }

    /// What stands in the thread of a card.
    fn reply(said: &'static str, card: &Card, team: &str) -> Self {
        let mut blocks = vec![section(said, WORDS)];
        blocks.extend(asked(card, team).map(question));
        Self {
            text: Wording::ours(format!("{said} "))
                .quoting(card.headline(HEADER))
                .fallback(),
            blocks,
        }
    }
}

/// Whether `team` is asked by `card`.
pub fn is_asked(card: &Card, team: &str) -> bool {
    asked(card, team).is_some()
}

/// The question, if `team` is asked.
fn asked<'c>(card: &'c Card, team: &str) -> Option<&'c Question> {
    let theirs = |question: &&Question| question.to.as_deref() == Some(&visible(team));
    card.question.as_ref().filter(theirs)
}

/// Whether `team` was asked by the question that is open, and did not answer: not by an earlier one, which was decided.
fn was_asked(card: &Card, team: &str) -> bool {
    let question = card.question.as_ref();
    question.is_some_and(|question| question.before.contains(&visible(team)))
}

/// Our word comes first, so that no action reads like a decision.
fn header(card: &Card) -> Value {
    let headline = format!("Request: {}", card.headline(HEADER));
    json!({ "type": "header", "text": plain(&headline, HEADER) })
}

fn section(text: &str, limit: usize) -> Value {
    json!({ "type": "section", "text": plain(text, limit) })
}

/// How it stands: what was decided, who is asked, or who is asked now.
fn standing(card: &Card, team: &str) -> Vec<Value> {
    if let Some(ending) = &card.ending {
        return vec![
            json!({ "type": "section", "text": ended(ending).plain(WORDS) }),
            json!({ "type": "context", "elements": [date("", ending.at)] }),
        ];
    }
    if let Some(asked) = asked(card, team) {
        return vec![question(asked)];
    }
    let question = card.question.as_ref();
    let to = question.and_then(|question| question.to.as_deref());
    let said = match to {
        Some(to) if was_asked(card, team) => {
            format!("↪ Nobody here answered in time; now `{to}` is asked.")
        }
        Some(to) => {
            format!("↪ It is open again: what was decided does not hold, and `{to}` is asked.")
        }
        None if question.is_some() && !was_asked(card, team) => {
            "↪ It is open again: what was decided does not hold, and everybody who may vote is asked."
                .to_owned()
        }
        None => "↪ This team is not asked any more.".to_owned(),
    };
    vec![section(&said, WORDS)]
}

/// How it ended, in one line: `✅ Approved by alice · known customer`.
pub fn ended(ending: &Ending) -> Wording {
    let by = |done: &str| match ending.by.as_str() {
        "deadline" => Wording::ours(format!("{done} by the deadline")),
        "policy" => Wording::ours(format!("{done} by policy")),
        "platform" => Wording::ours(format!("{done} by the platform")),
        person => Wording::ours(format!("{done} by ")).quoting(person),
    };
    let done = match ending.outcome {
        "approved" => by("✅ Approved"),
        "rejected" => by("❌ Rejected"),
        "expired" => Wording::ours("⌛ Expired: nobody decided in time"),
        _ => by("↪ Decided elsewhere,"),
    };
    let platform = ending
        .platform
        .as_deref()
        .filter(|_| ending.outcome == "superseded");
    let more = platform.into_iter().chain(ending.reason.as_deref());
    more.fold(done, |said, more| said.and(" · ").quoting(more))
}

fn question(question: &Question) -> Value {
    let who = question.to.as_deref().unwrap_or("anybody");
    let mut said = format!(
        "Asked: {who} · {} of {} approvals",
        question.approvals, question.votes
    );
    if !question.before.is_empty() {
        let _ = write!(said, " · not answered by {}", question.before.join(", "));
    }
    json!({ "type": "context", "elements": [plain(&said, FACT), date("Open until ", question.deadline)] })
}

/// The agent's own words, each said to be theirs.
fn words(card: &Card) -> impl Iterator<Item = Value> {
    let agent = card.agent.as_deref().unwrap_or("the asker");
    let said = |what, words: &Option<String>| {
        let words = words.as_deref().filter(|words| !words.trim().is_empty());
        words.map(|words| section(&format!("{what} by {agent}: “{words}”"), WORDS))
    };
    said("Title", &card.title)
        .into_iter()
        .chain(said("Message", &card.message))
}

fn facts(card: &Card) -> Vec<Value> {
    let shown = card.fields.get(..FACTS).unwrap_or(&card.fields);
    let fact = |field: &crate::domain::card::Field| {
        let path = crate::domain::rationale::bounded(&field.path, FACT / 3);
        plain(&format!("{path}:\n{}", field.value), FACT)
    };
    let section = |facts: &[crate::domain::card::Field]| json!({ "type": "section", "fields": facts.iter().map(fact).collect::<Vec<_>>() });
    let mut blocks: Vec<Value> = shown.chunks(FACTS_IN_A_SECTION).map(section).collect();
    let more = card.fields.len() - shown.len() + card.more_fields;
    if more > 0 {
        blocks.push(context(&format!(
            "… and {more} more facts; see them in the inbox before you vote."
        )));
    }
    blocks
}

fn nearly(card: &Card) -> Vec<Value> {
    let lines = card
        .nearest
        .iter()
        .take(3)
        .map(|line| format!("Almost approved: {line}"));
    let lines = lines.chain(card.change.clone());
    lines.map(|line| context(&line)).collect()
}

fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [plain(text, WORDS / 2)] })
}

fn said(card: &Card) -> Vec<Value> {
    let line = |said: &Said| {
        let done = match said.vote {
            Ballot::Approve => "👍 approved by",
            Ballot::Reject => "👎 rejected by",
        };
        match &said.reason {
            Some(reason) => format!("{done} {}: {reason}", said.by),
            None => format!("{done} {}", said.by),
        }
    };
    let late = card.votes.len().saturating_sub(VOTES);
    card.votes
        .iter()
        .skip(late)
        .map(|said| context(&line(said)))
        .collect()
}

/// The link to the inbox, and the vote while `team` is asked.
fn buttons(card: &Card, team: &str, link: &str, votes: Option<Buttons<'_>>) -> Option<Value> {
    let vote = |vote: Ballot| {
        let (action, text, style) = match vote {
            Ballot::Approve => (APPROVE, "Approve", "primary"),
            Ballot::Reject => (REJECT, "Reject", "danger"),
        };
        let choice = Choice {
            case: card.case_id,
            shown: card.digest,
            vote,
            team: team.to_owned(),
        };
        let value = votes?.value(card, &choice)?;
        // A team of such a name votes in the inbox.
        (value.chars().count() <= VALUE).then(|| {
            json!({ "type": "button", "action_id": action, "text": plain(text, FACT), "style": style, "value": value })
        })
    };
    let mut elements = Vec::new();
    if card.ending.is_none() && is_asked(card, team) {
        elements.extend(
            [Ballot::Approve, Ballot::Reject]
                .into_iter()
                .filter_map(vote),
        );
    }
    elements.extend(leading_to(link, "See more in the inbox"));
    (!elements.is_empty()).then(|| json!({ "type": "actions", "elements": elements }))
}

/// `said`, and a button that leads where it says: text of this kind holds no link.
pub(super) fn said_in_blocks(said: &Wording) -> Vec<Value> {
    let mut blocks = vec![json!({ "type": "section", "text": said.plain(SECTION) })];
    let link = said.link().and_then(|link| leading_to(link, "Open it"));
    blocks.extend(link.map(|link| json!({ "type": "actions", "elements": [link] })));
    blocks
}

/// A button that leads to `link` and says `text`; none, if Slack would not take it.
fn leading_to(link: &str, text: &'static str) -> Option<Value> {
    (link.chars().count() <= ADDRESS).then(
        || json!({ "type": "button", "action_id": OPEN, "text": plain(text, FACT), "url": link }),
    )
}

fn notification(card: &Card, team: &str) -> String {
    let said = match &card.ending {
        Some(ending) => ended(ending).and(" – "),
        None if is_asked(card, team) => Wording::ours("Approve? "),
        None if was_asked(card, team) => Wording::ours("Handed over – "),
        None => Wording::ours("Open again – "),
    };
    said.quoting(card.headline(HEADER)).fallback()
}
