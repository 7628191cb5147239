//! What a mail says: one structure, written as text and as HTML.
//!
//! What must hold: a subject is one line; nothing that an agent wrote is a link, nor looks to a mail program like one that
//! it should make; nothing is fetched to show it.

use std::fmt::Write as _;

use askama::Template;
use jiff::Timestamp;

use crate::domain::card::{Card, Ending, Question};
use crate::domain::effect::Ballot;
use crate::domain::notice::Occasion;
use crate::domain::rationale::{bounded, visible};

/// The most characters of a subject's headline.
const LONGEST_HEADLINE: usize = 120;

/// The most characters of a value; the inbox has all of it.
const LONGEST_VALUE: usize = 600;

/// The most characters of a label, which an agent may have chosen.
const LONGEST_LABEL: usize = 120;

/// One line of what is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// What it says.
    pub value: String,
}

/// A mail to one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    lead: Vec<String>,
    headline: String,
    rows: Vec<Row>,
    link: Option<String>,
    inbox: String,
    foot: Option<String>,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// What `team` is told of `card` at `occasion`, with `link` to decide by and `inbox` to look at the case; `None` where
    /// there is nothing to say.
    pub(super) fn of(
        occasion: Occasion,
        team: &str,
        card: &Card,
        link: Option<String>,
        inbox: &str,
    ) -> Option<Self> {
        let headline = inert(&card.headline(LONGEST_HEADLINE));
        let asked = format!("Approval asked: {headline}");
        let (subject, lead, rows) = match occasion {
            Occasion::Asked => (asked, question(team, card.question.as_ref()?), rows(card)),
            Occasion::Reminded => {
                let mut lead = question(team, card.question.as_ref()?);
                lead.insert(0, "Half of the time is over.".to_owned());
                (format!("Re: {asked}"), lead, rows(card))
            }
            Occasion::HandedOver => {
                let up = format!("The time of the team {} is up.", inert(team));
                let lead = vec![up, asked_now(card)];
                (format!("Re: {asked}"), lead, names(card))
            }
            Occasion::Reopened => {
                let again = "It is open again: what was decided does not hold.".to_owned();
                let lead = vec![again, asked_now(card)];
                (format!("Re: {asked}"), lead, names(card))
            }
            Occasion::Closed => {
                let lead = vec![ended(card.ending.as_ref())];
                (format!("Re: {asked}"), lead, outcome(card))
            }
            Occasion::Voted => return None,
        };
        let mut lead = lead;
        if card.dry_run {
            lead.push("The source is in dry run: the platform is told nothing.".to_owned());
        }
        let foot = "Whoever has this link votes as you: do not pass it on. It opens a page that asks again, and works once.";
        Some(Self {
            subject: one_line(&subject),
            lead,
            headline,
            rows,
            foot: link.is_some().then(|| foot.to_owned()),
            link,
            inbox: inbox.to_owned(),
        })
    }

    /// The mail as plain text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lead {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "\n{}\n", self.headline);
        for Row { label, value } in &self.rows {
            let _ = writeln!(text, "{label}: {value}");
        }
        if let Some(link) = &self.link {
            let _ = writeln!(text, "\nApprove or reject:\n{link}");
        }
        let _ = writeln!(text, "\nThe case in the inbox:\n{}", self.inbox);
        if let Some(foot) = &self.foot {
            let _ = writeln!(text, "\n{foot}");
        }
        text
    }

    /// The mail as HTML.
    pub(super) fn html(&self) -> Result<String, askama::Error> {
        Html { letter: self }.render()
    }
}

/// What is asked, line by line: a mail and the page behind its link show the same.
pub fn rows(card: &Card) -> Vec<Row> {
    let mut rows = names(card);
    let texts = [("Title", &card.title), ("Message", &card.message)];
    rows.extend(texts.into_iter().filter_map(|(label, text)| {
        let text = text.as_deref()?;
        Some(row(label, text))
    }));
    rows.push(row("Why you are asked", &card.rationale));
    let fields = card.fields.iter();
    rows.extend(fields.map(|field| row(&field.path, &field.value)));
    if card.more_fields > 0 {
        let more = format!("{} more are in the inbox", card.more_fields);
        rows.push(row("Facts", &more));
    }
    rows
}

/// How the case ended, in a sentence.
pub fn ended(ending: Option<&Ending>) -> String {
    let Some(ending) = ending else {
        return "It is not decided yet.".to_owned();
    };
    let at = moment(ending.at);
    let reason = match &ending.reason {
        Some(reason) => format!(": {}", inert(&bounded(reason, LONGEST_VALUE))),
        None => ".".to_owned(),
    };
    match (ending.outcome, ending.by.as_str()) {
        ("expired", _) => format!("Nobody decided in time: it expired at {at}."),
        ("superseded", _) => {
            let word = ending.platform.as_deref().unwrap_or("decided");
            format!(
                "It was {} at the platform itself, at {at}{reason}",
                inert(word)
            )
        }
        (outcome, "deadline") => {
            format!("It was {outcome} at {at}, since nobody decided in time{reason}")
        }
        (outcome, by) => format!("It was {outcome} by {} at {at}{reason}", inert(by)),
    }
}

/// When, for people in any place.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How many must approve, how many did, and until when.
pub fn progress(question: &Question) -> String {
    let needed = match question.votes {
        1 => "one person".to_owned(),
        votes => format!("{votes} people"),
    };
    format!(
        "It takes {needed} to approve ({} did), and one to reject, until {}.",
        question.approvals,
        moment(question.deadline)
    )
}

fn question(team: &str, question: &Question) -> Vec<String> {
    let mut lead = vec![format!("The team {} is asked to decide.", inert(team))];
    if !question.before.is_empty() {
        let before = inert(&question.before.join(", "));
        lead.push(format!(
            "Asked before, without an answer in time: {before}."
        ));
    }
    lead.push(progress(question));
    lead
}

fn asked_now(card: &Card) -> String {
    match &card.question {
        Some(Question { to: Some(next), .. }) => {
            format!("The team {} is asked now.", inert(next))
        }
        Some(_) => "Everybody who may vote is asked now.".to_owned(),
        None => ended(card.ending.as_ref()),
    }
}

/// What it is about, without the facts.
fn names(card: &Card) -> Vec<Row> {
    let action = card.action.as_deref().map(|action| row("Action", action));
    let agent = card.agent.as_deref().map(|agent| row("Agent", agent));
    let named = [row("Source", &card.source), row("Request", &card.request)];
    action.into_iter().chain(agent).chain(named).collect()
}

fn outcome(card: &Card) -> Vec<Row> {
    let mut rows = names(card);
    rows.extend(card.votes.iter().map(|said| {
        let vote = match said.vote {
            Ballot::Approve => "approve",
            Ballot::Reject => "reject",
        };
        let said_of = said.reason.as_deref().unwrap_or_default();
        let value = match said_of {
            "" => vote.to_owned(),
            reason => format!("{vote}: {reason}"),
        };
        row(&format!("{} said", said.by), &value)
    }));
    rows
}

fn row(label: &str, value: &str) -> Row {
    Row {
        label: inert(&bounded(&visible(label), LONGEST_LABEL)),
        value: inert(&bounded(&visible(value), LONGEST_VALUE)),
    }
}

/// `text` such that no mail program makes a link of it: what begins like an address is taken apart, in a way that people
/// know.
fn inert(text: &str) -> String {
    let text = text.replace("://", "[:]//");
    let mut inert = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest
        .as_bytes()
        .windows(4)
        .position(|window| window.eq_ignore_ascii_case(b"www."))
    {
        let (before, from) = rest.split_at(at);
        let (www, after) = from.split_at(3);
        inert.push_str(before);
        inert.push_str(www);
        inert.push_str("[.]");
        rest = after.get(1..).unwrap_or_default();
    }
    inert.push_str(rest);
    inert
}

/// `text` without anything that ends a header's line; what made it shows such characters already.
fn one_line(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests;
