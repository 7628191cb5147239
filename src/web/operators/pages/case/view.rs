//! All that the page of a case shows, made of what is known of it and of nothing else. Every text in it is inert as far as characters
//! go; what HTML makes of `<` is for the template to prevent.

use jiff::Timestamp;
use serde_json::Value;

use super::When;
use super::ballot::Offer;
use super::banner::Banner;
use super::before::Before;
use super::tree::Tree;
use crate::domain::card::Card;
use crate::domain::case::Case;
use crate::domain::effect::Ballot;
use crate::domain::log_entry::EntryKind;
use crate::domain::rationale::{self, visible};
use crate::domain::team::People;
use crate::domain::verdict::Outcome;
use crate::json::Plain;
use crate::store::{CaseFile, OutboxItem, Precedent};
use crate::web::operators::pages::said::{Errand, said};
use crate::web::operators::pages::text::{Beginning, Folded, lines, pretty};

/// Earlier entries of a case are counted; the log has them.
const MOST_ENTRIES: usize = 200;

/// What is known of a case beside itself.
pub(super) struct Known<'a> {
    pub(super) effects: &'a [OutboxItem],
    pub(super) similar: &'a [Precedent],
    pub(super) people: &'a People,
    pub(super) tree: Tree,
    pub(super) offer: Offer,
    pub(super) now: Timestamp,
}

/// What the page shows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) id: String,
    pub(super) headline: String,
    pub(super) banner: Banner,
    pub(super) action: Option<Folded>,
    pub(super) agent: Option<Folded>,
    pub(super) source: String,
    pub(super) request: Folded,
    pub(super) title: Option<Folded>,
    pub(super) message: Option<Folded>,
    pub(super) fields: Vec<(String, Folded)>,
    pub(super) more_fields: usize,
    pub(super) expires: Option<When>,
    pub(super) raw: Option<Beginning>,
    pub(super) is_proven: &'static str,
    pub(super) rationale: Folded,
    pub(super) whole_rationale: Beginning,
    pub(super) nearest: Vec<String>,
    pub(super) change: Option<String>,
    pub(super) tree: Tree,
    pub(super) votes: Vec<Voted>,
    pub(super) offer: Offer,
    pub(super) before: Before,
    pub(super) earlier_entries: usize,
    pub(super) entries: Vec<Entry>,
    pub(super) effects: Vec<Undone>,
    pub(super) audit: Vec<(&'static str, String)>,
    pub(super) commands: Vec<String>,
}

/// A vote.
#[derive(Debug)]
pub(super) struct Voted {
    pub(super) by: String,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) via: &'static str,
    pub(super) reason: Option<Folded>,
    pub(super) at: When,
    /// Whether it does not count any more, since another team is asked now.
    pub(super) is_past: bool,
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) at: When,
    pub(super) said: String,
    pub(super) class: &'static str,
}

/// Something that is still to be done outside.
#[derive(Debug)]
pub(super) struct Undone {
    pub(super) id: String,
    pub(super) what: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) attempts: u32,
    pub(super) next: Option<When>,
    pub(super) error: Option<Folded>,
    pub(super) retry: Option<String>,
}

impl View {
    /// The view of the case in `file`.
    pub(super) fn of(file: &CaseFile, known: Known<'_>) -> Self {
        let (case, now) = (&file.case, known.now);
        let input = input(file);
        let card = Card::of(case, input.as_ref());
        let folded = |text: &Option<String>| text.as_deref().map(Folded::of);
        let fields = card.fields.iter();
        let earlier = file.timeline.len().saturating_sub(MOST_ENTRIES);
        Self {
            id: case.asked.id.to_string(),
            headline: card.headline(120),
            banner: Banner::of(case, known.people, now),
            action: folded(&card.action),
            agent: folded(&card.agent),
            source: format!("{} ({})", card.source, case.asked.platform),
            request: Folded::of(&card.request),
            title: folded(&card.title),
            message: folded(&card.message),
            fields: fields
                .map(|field| {
                    (
                        rationale::bounded(&field.path, 120),
                        Folded::of(&field.value),
                    )
                })
                .collect(),
            more_fields: card.more_fields,
            expires: case.asked.expires_at.map(|at| When::new(at, now)),
            raw: file.input.as_deref().map(pretty),
            is_proven: proven(input.as_ref()),
            rationale: Folded::of(&card.rationale),
            whole_rationale: Beginning::of(lines(&rationale::full(&case.verdict))),
            nearest: card.nearest,
            change: card.change,
            tree: known.tree,
            votes: votes(case, now),
            offer: known.offer,
            before: Before::of(case, known.similar, now),
            earlier_entries: earlier,
            entries: (file.timeline.iter().skip(earlier))
                .map(|line| Entry {
                    sequence: line.sequence,
                    at: When::new(line.at, now),
                    said: said(line),
                    class: class_of(line.kind),
                })
                .collect(),
            effects: known
                .effects
                .iter()
                .map(|item| Undone::of(item, now))
                .collect(),
            audit: audit(file),
            commands: commands(case),
        }
    }
}

impl View {
    /// Whether who looks may vote.
    pub(super) fn may_vote(&self) -> bool {
        matches!(self.offer, Offer::Vote(_))
    }

    /// Whether the last word is said.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.offer, Offer::Over)
    }
}

impl Undone {
    fn of(item: &OutboxItem, now: Timestamp) -> Self {
        let (state, class) = match item.state.as_str() {
            "dead" => ("given up", "no"),
            "held" => ("held by the freeze", "maybe"),
            "would" => ("dry run: not sent", "quiet"),
            _ if item.attempts > 0 => ("tried, and tried again", "maybe"),
            _ => ("due", "maybe"),
        };
        let is_due = item.state == "due";
        let is_dead = item.state == "dead";
        let errand = Errand {
            kind: &item.kind,
            channel: item.channel.as_deref(),
            occasion: None,
        };
        Self {
            id: item.id.to_string(),
            what: errand.to_do(),
            state,
            class,
            attempts: item.attempts,
            next: is_due.then(|| When::new(item.due_at, now)),
            error: (item.error.as_deref()).map(|error| Folded::of(&visible(error))),
            retry: is_dead.then(|| format!("countersign outbox retry {}", item.id)),
        }
    }
}

fn votes(case: &Case, now: Timestamp) -> Vec<Voted> {
    let asked = case.question().map(|question| &question.to);
    let voted = case.votes.iter().map(|vote| {
        let (word, class) = match vote.vote {
            Ballot::Approve => ("approves", "yes"),
            Ballot::Reject => ("rejects", "no"),
        };
        Voted {
            by: visible(&vote.by),
            word,
            class,
            via: vote.via.as_str(),
            reason: (vote.reason.as_deref()).map(|reason| Folded::of(&visible(reason))),
            at: When::new(vote.at, now),
            is_past: asked.is_some_and(|team| *team != vote.team),
        }
    });
    voted.collect()
}

fn class_of(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Conflict | EntryKind::DeadLettered | EntryKind::Frozen => "no",
        EntryKind::AttemptFailed | EntryKind::Escalated | EntryKind::HandedOver => "maybe",
        EntryKind::Answered | EntryKind::Delivered => "yes",
        EntryKind::Received
        | EntryKind::Decided
        | EntryKind::Voted
        | EntryKind::Reminded
        | EntryKind::Resolved
        | EntryKind::Expired
        | EntryKind::Superseded
        | EntryKind::PlatformReported
        | EntryKind::Retried
        | EntryKind::Unfrozen
        | EntryKind::PolicyServed => "",
    }
}

fn input(file: &CaseFile) -> Option<Value> {
    let Plain(input) = serde_json::from_str(file.input.as_deref()?).ok()?;
    Some(input)
}

/// What is known beyond what the sender claims.
fn proven(input: Option<&Value>) -> &'static str {
    let known = |what: &str| {
        let at = input.and_then(|input| input.pointer(what));
        at.and_then(Value::as_bool).unwrap_or_default()
    };
    match (known("/verified/record"), known("/verified/signature")) {
        (true, _) => "read back from the platform's own record",
        (false, true) => "the sender proved who they are; the platform's record was not read",
        (false, false) => "nothing was proven",
    }
}

fn audit(file: &CaseFile) -> Vec<(&'static str, String)> {
    let case = &file.case;
    let mut ids = vec![
        ("case", case.asked.id.to_string()),
        ("digest of what is shown", case.shown().to_string()),
        ("digest of the request", case.asked.input.to_string()),
        ("policy", case.verdict.revision.to_string()),
        ("decided at", case.decided_at.to_string()),
        ("mode", case.mode.to_string()),
    ];
    if let (Some(first), Some(last)) = (file.timeline.first(), file.timeline.last()) {
        ids.push((
            "log entries",
            format!("{} to {}", first.sequence, last.sequence),
        ));
    }
    if let Some(trace) = &case.asked.traceparent {
        ids.push(("trace", visible(trace)));
    }
    ids
}

/// What one types; nothing of it was written by an agent.
fn commands(case: &Case) -> Vec<String> {
    let id = case.asked.id;
    let mut commands = vec![format!("countersign explain {id}")];
    if case.question().is_some() {
        let digest: String = case.shown().to_string().chars().take(16).collect();
        for word in [Outcome::Approve, Outcome::Reject] {
            commands.push(format!(
                "countersign {word} {id} --digest {digest} --reason '…'"
            ));
        }
    }
    commands.push(format!(
        "curl -H \"Authorization: Bearer $COUNTERSIGN_TOKEN\" \"$COUNTERSIGN_URL/v1/cases/{id}\""
    ));
    commands
}
