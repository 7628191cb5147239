//! One case in a list: enough of it to decide whether to look closer, and to see which others are just like it.

use std::collections::HashMap;

use serde_json::Value;

use super::frame::Frame;
use super::when::When;
use crate::domain::card::{Card, Field};
use crate::domain::case::{Case, Refused, State};
use crate::domain::effect::Ballot;
use crate::domain::person::{Person, Role};
use crate::domain::rationale::{bounded, visible};
use crate::flow::Flow;

/// The first facts are enough to recognise a case by; the rest is on its page.
const MOST_FACTS: usize = 4;
const LONGEST_HEADLINE: usize = 120;
const LONGEST_WORDS: usize = 200;
const LONGEST_VALUE: usize = 100;
const LONGEST_PATH: usize = 60;
const LONGEST_NAME: usize = 80;
const LONGEST_WHY: usize = 320;

/// What a list shows of one case. Every text in it is cut and visible.
pub(super) struct Row {
    pub(super) id: String,
    /// What a vote on it is bound to.
    pub(super) digest: String,
    pub(super) headline: String,
    pub(super) title: Option<String>,
    pub(super) source: String,
    pub(super) team: Option<String>,
    pub(super) facts: Vec<Field>,
    /// How many facts are only on its page.
    pub(super) more: usize,
    /// Whether the request itself is here to be shown.
    request: Request,
    pub(super) why: String,
    pub(super) standing: Standing,
    pub(super) dry_run: bool,
    pub(super) reason_required: bool,
    /// What who looks may do.
    pub(super) may: May,
    /// What who looks said before.
    pub(super) said: Option<Ballot>,
    /// How many others in the list are just like it.
    pub(super) alike: usize,
    likeness: Option<Likeness>,
}

/// Where a case in a list is.
pub(super) enum Standing {
    /// Its record is being read.
    Received,
    /// People are asked.
    Open {
        approvals: usize,
        votes: u32,
        deadline: When,
    },
    /// It is decided.
    Decided {
        outcome: &'static str,
        by: String,
        reason: Option<String>,
        at: When,
    },
}

/// Whether a list has the request that a case is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Shown,
    /// It is too large for a list, or was erased.
    Elsewhere,
}

/// Whether somebody may vote on a case.
pub(super) enum May {
    Vote,
    /// Why not.
    Not(&'static str),
}

/// All that is shown of a request beside its name: where it is equal, two requests are the same to whoever decides.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    source: String,
    action: Option<String>,
    agent: Option<String>,
    team: Option<String>,
    title: Option<String>,
    message: Option<String>,
    fields: Vec<(String, String)>,
    why: String,
    dry_run: bool,
    /// What is known beyond what the sender claims.
    proof: Option<String>,
}

impl Row {
    /// The row of `case` on a page in `frame`, which was decided on `input`, the policy input as JSON text.
    pub(super) fn of(case: &Case, input: Option<&str>, frame: &Frame, flow: &Flow) -> Self {
        let input: Option<Value> = input.and_then(|input| serde_json::from_str(input).ok());
        let card = Card::of(case, input.as_ref());
        let likeness = Likeness::of(&card, input.as_ref());
        let all = card.fields.len() + card.more_fields;
        let facts: Vec<Field> = card.fields.iter().take(MOST_FACTS).map(cut).collect();
        let short = |text: &String| bounded(text, LONGEST_WORDS);
        let person = frame.person();
        let said = case
            .votes
            .iter()
            .find(|vote| person.is_some_and(|person| person.is_called(&vote.by)));
        let standing = match (&card.ending, &card.question) {
            (Some(ending), _) => Standing::Decided {
                outcome: ending.outcome,
                by: bounded(&ending.by, LONGEST_NAME),
                reason: ending.reason.as_ref().map(short),
                at: frame.when(ending.at),
            },
            (None, Some(question)) => Standing::Open {
                approvals: question.approvals,
                votes: question.votes,
                deadline: frame.when(question.deadline),
            },
            (None, None) => Standing::Received,
        };
        Self {
            id: card.case_id.to_string(),
            digest: card.digest.to_string(),
            headline: card.headline(LONGEST_HEADLINE),
            title: (card.title.as_ref().or(card.message.as_ref())).map(short),
            source: card.source,
            team: (card.question.and_then(|question| question.to))
                .map(|team| bounded(&team, LONGEST_NAME)),
            more: all - facts.len(),
            facts,
            request: match input {
                Some(_) => Request::Shown,
                None => Request::Elsewhere,
            },
            why: bounded(&card.rationale, LONGEST_WHY),
            standing,
            dry_run: card.dry_run,
            reason_required: card.reason_required,
            may: May::of(person, case, flow),
            said: said.map(|vote| vote.vote),
            alike: 0,
            likeness,
        }
    }

    /// What it is compared by; none for a case that is not open, or of which not everything is shown.
    pub(super) fn likeness(&self) -> Option<&Likeness> {
        self.likeness.as_ref()
    }

    /// Whether who looks may vote on it from a list: not without seeing anything of what is asked.
    pub(super) fn is_votable(&self) -> bool {
        matches!(self.may, May::Vote) && self.request == Request::Shown
    }

    /// Whether it is open, and nothing of what is asked is in the list.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.standing, Standing::Open { .. }) && self.request == Request::Elsewhere
    }
}

/// Counts for each row the others that are just like it and that may be voted on.
pub(super) fn compare(rows: &mut [Row]) {
    let mut groups: HashMap<Likeness, usize> = HashMap::new();
    for row in rows.iter().filter(|row| row.is_votable()) {
        if let Some(likeness) = &row.likeness {
            *groups.entry(likeness.clone()).or_default() += 1;
        }
    }
    for row in rows.iter_mut().filter(|row| row.is_votable()) {
        let alike = row.likeness.as_ref().and_then(|like| groups.get(like));
        row.alike = alike.map_or(0, |alike| alike.saturating_sub(1));
    }
}

impl May {
    fn of(person: Option<&Person>, case: &Case, flow: &Flow) -> Self {
        let (Some(person), State::Open(_)) = (person, &case.state) else {
            return Self::Not("");
        };
        match flow.may_vote(case, person, Ballot::Approve) {
            Ok(()) => Self::Vote,
            Err(Refused::OwnRequest) => Self::Not("your own agent asks; somebody else decides"),
            Err(Refused::NotAsked { .. }) if person.role == Role::Viewer => {
                Self::Not("you may look, not vote")
            }
            Err(Refused::NotAsked { .. }) => Self::Not("another team is asked"),
            Err(
                Refused::Closed(_)
                | Refused::Stale
                | Refused::NotDecided
                | Refused::NoReason
                | Refused::Nothing,
            ) => Self::Not(""),
        }
    }
}

impl Likeness {
    fn of(card: &Card, input: Option<&Value>) -> Option<Self> {
        let (question, input) = (card.question.as_ref()?, input?);
        if card.more_fields > 0 {
            return None;
        }
        let fields = card.fields.iter();
        Some(Self {
            source: card.source.clone(),
            action: card.action.clone(),
            agent: card.agent.clone(),
            team: question.to.clone(),
            title: card.title.clone(),
            message: card.message.clone(),
            fields: fields
                .map(|field| (field.path.clone(), field.value.clone()))
                .collect(),
            why: card.rationale.clone(),
            dry_run: card.dry_run,
            proof: input.get("verified").map(ToString::to_string),
        })
    }
}

fn cut(field: &Field) -> Field {
    Field {
        path: bounded(&field.path, LONGEST_PATH),
        value: bounded(&field.value, LONGEST_VALUE),
    }
}

/// `name`, which a person or an agent chose, for a page.
pub(super) fn name(name: &str) -> String {
    bounded(&visible(name), LONGEST_NAME)
}
