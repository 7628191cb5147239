//! The queue: what waits for people, the question first whose time is up first; and what was decided.

use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::frame::{Dry, Frame, Section, Visitor};
use super::row::{self, May, Row, Standing};
use super::{page, search};
use crate::domain::effect::Ballot;
use crate::domain::person::{Person, Role};
use crate::store::{CaseOrder, CasePage, CaseQuery, Waiting};
use crate::web::operators::{Operators, cases};
use crate::web::problem::{self, Problem};
use crate::web::query;

const PAGE: usize = 100;
/// How many are looked through for those that are just like one.
const MOST_COMPARED: usize = 500;
/// More teams than these are found by searching.
const MOST_TEAMS: usize = 30;

/// What the address of the page may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default, deserialize_with = "query::given")]
    q: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    view: Option<View>,
    #[serde(default, deserialize_with = "query::given")]
    who: Option<Who>,
    #[serde(default, deserialize_with = "query::given")]
    cursor: Option<String>,
    /// A case, to see those that are just like it.
    #[serde(default, deserialize_with = "query::given")]
    same: Option<String>,
}

/// Which cases a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Open,
    Decided,
}

/// Whose questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Mine,
    All,
}

#[derive(Template)]
#[template(path = "queue.html")]
struct Queue {
    frame: Frame,
    view: View,
    who: Who,
    /// Whether who looks belongs to a team, so that there is something to choose.
    has_teams: bool,
    typed: String,
    wrong: Option<String>,
    same: Option<String>,
    rows: Vec<Row>,
    teams: Vec<Team>,
    /// This page, for its own renewal.
    here: String,
    next: Option<String>,
    open_link: String,
    decided_link: String,
    mine_link: String,
    all_link: String,
}

/// How many questions a team has.
struct Team {
    name: Option<String>,
    open: u64,
    link: String,
}

impl Queue {
    /// Whether whoever looks may vote on what is in the list, or comes into it.
    fn may_have_votable(&self) -> bool {
        let votes = |person: &Person| person.role >= Role::Approver;
        self.view == View::Open && self.frame.person().is_some_and(votes)
    }

    /// Whether the list is of all that is asked of who looks, as the number beside the link to the queue is.
    fn is_of_my_teams(&self) -> bool {
        let all = self.typed.is_empty() && self.same.is_none();
        all && self.has_teams && (self.view, self.who) == (View::Open, Who::Mine)
    }

    /// Whether others are asked more than the list has.
    fn has_more_of_others(&self) -> bool {
        let asked = self.frame.asked.unwrap_or(self.frame.open);
        self.is_of_my_teams() && asked < self.frame.open
    }

    /// What the list holds, in words.
    fn summary(&self) -> String {
        let number = self.rows.len();
        if self.is_of_my_teams() {
            return match (number, self.frame.open) {
                (0, 0) => "Nothing waits for an answer.".to_owned(),
                (0, 1) => "Nothing is asked of you. 1 question is asked of others.".to_owned(),
                (0, open) => {
                    format!("Nothing is asked of you. {open} questions are asked of others.")
                }
                (_, open) => {
                    let asked = self.frame.asked.unwrap_or_default();
                    format!("{asked} of {open} open questions asked of you, the most urgent first.")
                }
            };
        }
        let more = if self.next.is_some() {
            " on this page"
        } else {
            ""
        };
        let what = match (self.view, number) {
            (View::Open, 0) => return "Nothing waits for an answer here.".to_owned(),
            (View::Decided, 0) => return "Nothing was found.".to_owned(),
            (View::Open, 1) => "question",
            (View::Open, _) => "questions, the most urgent first",
            (View::Decided, 1) => "case",
            (View::Decided, _) => "cases, the newest first",
        };
        format!("{number} {what}{more}")
    }
}

pub(super) async fn show(
    visitor: Visitor,
    State(operators): State<Arc<Operators>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let asked: Asked = query::read(&uri)?;
    let person = visitor.person.clone();
    let frame = Frame::of(&operators, visitor, Section::Queue).await?;
    if let Some(same) = &asked.same {
        return alike(&operators, frame, same).await;
    }
    let typed = asked.q.clone().unwrap_or_default();
    let read = search::read(&typed);
    let mut view = asked.view.unwrap_or(View::Open);
    match read.as_ref().ok().and_then(|query| query.state.as_deref()) {
        Some("open") => view = View::Open,
        Some(_) => view = View::Decided,
        None => {}
    }
    let has_teams = !person.teams.is_empty();
    let who = asked
        .who
        .unwrap_or(if has_teams { Who::Mine } else { Who::All });
    let address = |view, who, cursor: Option<&str>| address(&typed, view, who, cursor);
    let mut queue = Queue {
        view,
        who,
        has_teams,
        wrong: None,
        same: None,
        rows: Vec::new(),
        teams: teams(&operators).await?,
        here: address(Some(view), Some(who), asked.cursor.as_deref()),
        next: None,
        open_link: address(Some(View::Open), Some(who), None),
        decided_link: address(Some(View::Decided), Some(who), None),
        mine_link: address(Some(view), Some(Who::Mine), None),
        all_link: address(Some(view), Some(Who::All), None),
        typed: typed.clone(),
        frame,
    };
    let query = match read {
        Ok(query) => refine(query, view, who, &person, asked.cursor),
        Err(wrong) => {
            queue.wrong = Some(wrong);
            return page(StatusCode::BAD_REQUEST, &queue);
        }
    };
    let found = operators.flow.store().cases(query).await;
    let found = found.map_err(problem::of_store)?;
    let next = found.next.as_deref();
    queue.next = next.map(|next| address(Some(view), Some(who), Some(next)));
    queue.rows = rows(&operators, &queue.frame, &found);
    page(StatusCode::OK, &queue)
}

fn refine(
    query: CaseQuery,
    view: View,
    who: Who,
    person: &Person,
    cursor: Option<String>,
) -> CaseQuery {
    let (order, state) = match view {
        View::Open => (CaseOrder::Deadline, "open"),
        View::Decided => (CaseOrder::Newest, "decided"),
    };
    let theirs = (view, who) == (View::Open, Who::Mine) && query.team.is_none();
    CaseQuery {
        order,
        state: query.state.or_else(|| Some(state.to_owned())),
        asked: theirs.then(|| person.teams.iter().cloned().collect()),
        limit: PAGE,
        cursor,
        ..query
    }
}

/// The open questions that are just like the one called `same`, ready to be decided at once.
async fn alike(operators: &Operators, frame: Frame, same: &str) -> Result<Response, Problem> {
    let file = cases::file(operators, same).await?;
    let one = Row::of(&file.case, file.input.as_deref(), &frame, &operators.flow);
    let mut rows = Vec::new();
    if let Some(likeness) = one.likeness() {
        let query = CaseQuery {
            order: CaseOrder::Deadline,
            source: Some(file.case.asked.source.clone()),
            action: file.case.asked.action.clone(),
            agent: file.case.asked.agent.clone(),
            limit: MOST_COMPARED,
            ..CaseQuery::default()
        };
        let found = operators.flow.store().cases(query).await;
        let found = found.map_err(problem::of_store)?;
        rows = self::rows(operators, &frame, &found);
        rows.retain(|row| row.is_votable() && row.likeness() == Some(likeness));
        rows.truncate(PAGE);
    }
    let here = format!("/cases?same={}", file.case.asked.id);
    let open = address("", Some(View::Open), None, None);
    let queue = Queue {
        view: View::Open,
        who: Who::All,
        has_teams: false,
        typed: String::new(),
        wrong: None,
        same: Some(one.headline),
        rows,
        teams: Vec::new(),
        here,
        next: None,
        open_link: open.clone(),
        decided_link: address("", Some(View::Decided), None, None),
        mine_link: open.clone(),
        all_link: open,
        frame,
    };
    page(StatusCode::OK, &queue)
}

fn rows(operators: &Operators, frame: &Frame, found: &CasePage) -> Vec<Row> {
    let inputs = found.inputs.iter().map(Option::as_deref);
    let inputs = inputs.chain(std::iter::repeat(None));
    let mut rows: Vec<Row> = found
        .cases
        .iter()
        .zip(inputs)
        .map(|(case, input)| Row::of(case, input, frame, &operators.flow))
        .collect();
    row::compare(&mut rows);
    rows
}

async fn teams(operators: &Operators) -> Result<Vec<Team>, Problem> {
    let asked = operators.flow.store().waiting().await;
    let asked = asked.map_err(problem::of_store)?;
    let team = |Waiting { team, open, .. }| Team {
        link: match &team {
            Some(team) => {
                let quoted = format!("team:\"{}\"", team.replace('"', ""));
                address(&quoted, Some(View::Open), Some(Who::All), None)
            }
            None => address("", Some(View::Open), Some(Who::All), None),
        },
        name: team.as_deref().map(row::name),
        open,
    };
    Ok(asked.into_iter().take(MOST_TEAMS).map(team).collect())
}

/// The address of a list.
fn address(typed: &str, view: Option<View>, who: Option<Who>, cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !typed.is_empty() {
        query.append_pair("q", typed);
    }
    if let Some(View::Decided) = view {
        query.append_pair("view", "decided");
    }
    if let Some(who) = who {
        query.append_pair("who", who.as_str());
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", cursor);
    }
    let query = query.finish();
    let mut address = "/cases".to_owned();
    if !query.is_empty() {
        let _ = write!(address, "?{query}");
    }
    address
}

impl FromStr for View {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "open" => Ok(Self::Open),
            "decided" => Ok(Self::Decided),
            _ => Err("`view` must be `open` or `decided`"),
        }
    }
}

impl FromStr for Who {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "mine" => Ok(Self::Mine),
            "all" => Ok(Self::All),
            _ => Err("`who` must be `mine` or `all`"),
        }
    }
}

impl Who {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::All => "all",
        }
    }
}
