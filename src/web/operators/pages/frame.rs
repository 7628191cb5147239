//! What stands around every page: who is logged in, where one can go, whether approvals are frozen, and what is sent to nobody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;

use super::assets;
use super::when::When;
use crate::domain::case::Mode;
use crate::domain::freeze::Freeze;
use crate::domain::person::{Person, Role};
use crate::domain::rationale::visible;
use crate::store::Waiting;
use crate::web::operators::Operators;
use crate::web::operators::access::{LoggedIn, Posted};
use crate::web::problem::{self, Problem};

/// Somebody who looks at pages.
#[derive(Debug, Clone)]
pub(in crate::web::operators) struct Visitor {
    /// Who they are.
    pub(in crate::web::operators) person: Person,
    /// What a form of theirs has to bring along.
    pub(in crate::web::operators) csrf: String,
}

impl<R> From<&Posted<R>> for Visitor {
    /// Whoever sent a form, for the page that answers it.
    fn from(posted: &Posted<R>) -> Self {
        Self {
            person: posted.person.clone(),
            csrf: posted.csrf.clone(),
        }
    }
}

impl FromRequestParts<Arc<Operators>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        let LoggedIn { person, csrf, .. } = LoggedIn::from_request_parts(parts, operators).await?;
        Ok(Self { person, csrf })
    }
}

/// Where in the house a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::operators) enum Section {
    /// The questions.
    Queue,
    /// The policies.
    Policies,
    /// The log.
    Log,
    /// None of these.
    Elsewhere,
}

/// What `base.html` shows.
#[derive(Debug, Clone)]
pub(in crate::web::operators) struct Frame {
    /// Where the page is.
    pub(in crate::web::operators) section: Section,
    /// Who looks; nobody before they logged in.
    pub(in crate::web::operators) visitor: Option<Visitor>,
    /// The freeze that is on, with what came from a person made visible.
    pub(in crate::web::operators) freeze: Option<Frozen>,
    /// How many questions are open.
    pub(in crate::web::operators) open: u64,
    /// How many of them are asked of who looks; none where they belong to no team, and every question is theirs to look at.
    pub(in crate::web::operators) asked: Option<u64>,
    /// The sources whose platforms are told nothing.
    pub(in crate::web::operators) dry: Dry,
    /// When the page was made.
    pub(in crate::web::operators) now: Timestamp,
}

/// A freeze, as a page shows it.
#[derive(Debug, Clone)]
pub(in crate::web::operators) struct Frozen {
    /// The person.
    pub(in crate::web::operators) by: String,
    /// Their reason.
    pub(in crate::web::operators) reason: String,
    /// Since when.
    pub(in crate::web::operators) since: When,
}

/// Which sources are in dry-run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::operators) enum Dry {
    /// None.
    Nothing,
    /// These.
    Some(Vec<String>),
    /// All.
    Everything,
}

impl Frame {
    /// The frame of a page in `section` for `visitor`.
    pub(in crate::web::operators) async fn of(
        operators: &Operators,
        visitor: Visitor,
        section: Section,
    ) -> Result<Self, Problem> {
        let (store, now) = (operators.flow.store(), operators.flow.clock().now());
        let (freeze, waiting) = tokio::join!(store.frozen(), store.waiting());
        let freeze = freeze.map_err(problem::of_store)?;
        let waiting = waiting.map_err(problem::of_store)?;
        let teams = &visitor.person.teams;
        let is_theirs = |asked: &&Waiting| match &asked.team {
            Some(team) => teams.contains(team),
            None => true,
        };
        let theirs = waiting
            .iter()
            .filter(is_theirs)
            .map(|asked| asked.open)
            .sum();
        Ok(Self {
            section,
            asked: (!teams.is_empty()).then_some(theirs),
            visitor: Some(visitor),
            freeze: freeze.map(|freeze| Frozen::of(&freeze, now)),
            open: waiting.iter().map(|asked| asked.open).sum(),
            dry: Dry::of(operators),
            now,
        })
    }

    /// The frame of a page for somebody who is not known. It says nothing of what goes on.
    pub(in crate::web::operators) fn outside(operators: &Operators) -> Self {
        Self {
            section: Section::Elsewhere,
            visitor: None,
            freeze: None,
            open: 0,
            asked: None,
            dry: Dry::Nothing,
            now: operators.flow.clock().now(),
        }
    }

    /// `at`, seen from when the page was made.
    pub(in crate::web::operators) fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now)
    }

    /// Who looks.
    pub(in crate::web::operators) fn person(&self) -> Option<&Person> {
        self.visitor.as_ref().map(|visitor| &visitor.person)
    }

    /// Whether who looks may do what admins may.
    pub(in crate::web::operators) fn is_admin(&self) -> bool {
        self.person()
            .is_some_and(|person| person.role == Role::Admin)
    }

    /// What a form has to bring along; empty where nobody is known.
    pub(in crate::web::operators) fn csrf(&self) -> &str {
        let visitor = self.visitor.as_ref();
        visitor.map_or("", |visitor| &visitor.csrf)
    }

    /// The version that serves.
    pub(in crate::web::operators) fn version(&self) -> &'static str {
        let _ = self;
        env!("CARGO_PKG_VERSION")
    }

    /// The address of an asset, as `app.css`.
    pub(in crate::web::operators) fn asset(&self, name: &str) -> String {
        let _ = self;
        assets::address(name)
    }

    /// The state of a link to `section`, for `aria-current`.
    pub(in crate::web::operators) fn current(&self, section: Section) -> &'static str {
        if self.section == section {
            "page"
        } else {
            "false"
        }
    }
}

impl Frozen {
    fn of(freeze: &Freeze, now: Timestamp) -> Self {
        Self {
            by: visible(&freeze.by),
            reason: visible(&freeze.reason),
            since: When::new(freeze.since, now),
        }
    }
}

impl Dry {
    fn of(operators: &Operators) -> Self {
        let all = operators.flow.desks().count();
        let dry = operators.flow.desks();
        let dry = dry.filter(|desk| desk.terms.mode == Mode::DryRun);
        let dry: Vec<String> = dry.map(|desk| desk.source.name().to_string()).collect();
        match dry.len() {
            0 => Self::Nothing,
            number if number == all => Self::Everything,
            _ => Self::Some(dry),
        }
    }
}
