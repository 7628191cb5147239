//! Cases as people list them: filtered, in an order, in pages that what happens meanwhile does not shift.

use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::domain::case::Resolved;
use crate::domain::id::SourceName;
use crate::domain::verdict::{Cause, Outcome};
use crate::store::sqlite::reader::Trouble;
use crate::store::sqlite::rows::{CaseRow, case_columns};
use crate::store::{CaseOrder, CasePage, CaseQuery, StoreError};

/// The most cases of one page.
const PAGE: usize = 500;

/// A longer input, in bytes, is not read for a list: a page of a hundred would be hundreds of megabytes.
const LARGEST_INPUT: usize = 64 * 1024;

/// When the time of an open question is up, in milliseconds. Its text does not sort: `…00Z` comes after `…00.5Z`.
const DEADLINE: &str =
    "CAST(ROUND(unixepoch(json_extract(standing, '$.deadline'), 'subsec') * 1000) AS INTEGER)";

/// What is asked for, as SQL.
struct Clauses {
    sql: String,
    values: Vec<Value>,
}

/// Where a page ended.
struct Cursor {
    /// The deadline of its last case, in the order of deadlines.
    deadline: Option<i64>,
    rowid: i64,
}

/// A page of cases.
pub(super) fn cases(connection: &Connection, query: &CaseQuery) -> Result<CasePage, Trouble> {
    let limit = query.limit.clamp(1, PAGE);
    let (deadline, input, order) = match query.order {
        CaseOrder::Newest => ("NULL", "NULL", "id DESC".to_owned()),
        CaseOrder::Deadline => {
            let input = "CASE WHEN octet_length(input) <= {LARGEST} THEN input END";
            (DEADLINE, input, format!("{DEADLINE}, id"))
        }
    };
    let input = input.replace("{LARGEST}", &LARGEST_INPUT.to_string());
    let mut clauses = Clauses {
        sql: "SELECT id FROM cases WHERE 1".to_owned(),
        values: Vec::new(),
    };
    clauses.filter(query)?;
    let Clauses { sql: which, values } = clauses;
    let columns = case_columns!();
    // Which ones first: so nothing but those that are shown is read whole and sorted.
    let sql = format!(
        "SELECT id, {deadline}, {input}, {columns} FROM cases
         WHERE id IN ({which} ORDER BY {order} LIMIT {}) ORDER BY {order}",
        limit + 1
    );
    let mut rows = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), |row| {
            let cursor = Cursor {
                rowid: row.get(0)?,
                deadline: row.get(1)?,
            };
            let input: Option<Arc<str>> = row.get(2)?;
            Ok((cursor, input, CaseRow::read(row, 3)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(cursor, ..)| cursor.to_string());
    let cases = rows.iter().map(|(_, _, row)| row.case());
    let cases = cases.collect::<Result<_, _>>()?;
    let inputs = match query.order {
        CaseOrder::Newest => Vec::new(),
        CaseOrder::Deadline => rows.into_iter().map(|(_, input, _)| input).collect(),
    };
    Ok(CasePage {
        cases,
        inputs,
        next,
    })
}

impl Clauses {
    /// Adds `clause`, in which `?` stands for `value`.
    fn bind(&mut self, clause: &str, value: Value) {
        self.values.push(value);
        let clause = clause.replace('?', &format!("?{}", self.values.len()));
        let _ = write!(self.sql, " AND {clause}");
    }

    fn bind_text(&mut self, clause: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.bind(clause, Value::Text(text.to_owned()));
        }
    }

    /// As [`Self::bind_text`], with `name` as a pattern.
    fn bind_name(&mut self, clause: &str, name: Option<&str>) {
        if let Some(name) = name {
            let clause = clause.replace('~', "LIKE ? ESCAPE '\\'");
            self.bind(&clause, Value::Text(pattern(name, Stars::AnyText)));
        }
    }

    fn filter(&mut self, query: &CaseQuery) -> Result<(), StoreError> {
        self.page(query)?;
        match query.state.as_deref() {
            Some("decided") => self.sql.push_str(" AND state IN ('answering', 'resolved')"),
            state => self.bind_text("state = ?", state),
        }
        if query.state.as_deref() == Some("open") || query.order == CaseOrder::Deadline {
            // Said once more as a literal: only so is the index of open cases used.
            self.sql.push_str(" AND state = 'open'");
        }
        self.bind_text("source = ?", query.source.as_ref().map(SourceName::as_str));
        let words = [
            ("outcome = ?", query.outcome.map(Outcome::as_str)),
            ("cause = ?", query.cause.map(Cause::as_str)),
            (
                "state IN ('answering', 'resolved') AND json_extract(standing, '$.outcome') = ?",
                query.ending.map(Resolved::as_str),
            ),
        ];
        for (clause, word) in words {
            self.bind_text(clause, word);
        }
        self.bind_name("agent ~", query.agent.as_deref());
        self.bind_name("action ~", query.action.as_deref());
        self.bind_name(
            "(json_extract(standing, '$.to') ~ OR json_extract(verdict, '$.terms.to') ~ OR EXISTS \
             (SELECT 1 FROM json_each(cases.votes) WHERE json_extract(value, '$.team') ~))",
            query.team.as_deref(),
        );
        self.bind_name(
            "(json_extract(standing, '$.by') ~ OR json_extract(standing, '$.by') LIKE 'person:' || ? ESCAPE '\\' \
             OR EXISTS (SELECT 1 FROM json_each(cases.votes) WHERE json_extract(value, '$.by') ~))",
            query.by.as_deref(),
        );
        if let Some(teams) = &query.asked {
            let teams = serde_json::to_string(teams).unwrap_or_default();
            self.bind(
                "state = 'open' AND (json_extract(standing, '$.to') IS NULL OR json_extract(standing, '$.to') IN \
                 (SELECT value FROM json_each(?)))",
                Value::Text(teams),
            );
        }
        if let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) {
            self.bind(
                "(request LIKE ? ESCAPE '\\' OR action LIKE ? ESCAPE '\\' OR agent LIKE ? ESCAPE '\\')",
                Value::Text(pattern(&format!("*{text}*"), Stars::AtTheEnds)),
            );
        }
        Ok(())
    }

    /// What comes after the page before.
    fn page(&mut self, query: &CaseQuery) -> Result<(), StoreError> {
        let Some(cursor) = &query.cursor else {
            return Ok(());
        };
        let unknown = || StoreError::Cursor(cursor.chars().take(80).collect());
        let Cursor { deadline, rowid } = Cursor::parse(cursor).ok_or_else(unknown)?;
        match (query.order, deadline) {
            (CaseOrder::Newest, None) => self.bind("id < ?", Value::Integer(rowid)),
            (CaseOrder::Deadline, Some(deadline)) => {
                self.values.push(Value::Integer(deadline));
                let at = self.values.len();
                let after = format!("({DEADLINE}, id) > (?{at}, ?)");
                self.values.push(Value::Integer(rowid));
                let after = after.replace("?)", &format!("?{})", at + 1));
                let _ = write!(self.sql, " AND {after}");
            }
            (CaseOrder::Newest, Some(_)) | (CaseOrder::Deadline, None) => return Err(unknown()),
        }
        Ok(())
    }
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| i64::from_str_radix(digits, 16).ok();
        let (deadline, rowid) = match text.split_once('.') {
            Some((deadline, rowid)) => (Some(number(deadline)?), rowid),
            None => (None, text),
        };
        let rowid = number(rowid)?;
        Some(Self { deadline, rowid })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.deadline {
            Some(deadline) => write!(f, "{deadline:x}.{:x}", self.rowid),
            None => write!(f, "{:x}", self.rowid),
        }
    }
}

/// What a star in a text stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stars {
    /// Any text, wherever it is.
    AnyText,
    /// Any text as the first and the last character; itself elsewhere.
    AtTheEnds,
}

/// `text` as a pattern of `LIKE` that matches it and nothing else, but for `stars`.
fn pattern(text: &str, stars: Stars) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut pattern = String::with_capacity(text.len() + 2);
    for (at, character) in text.chars().enumerate() {
        match character {
            '*' if stars == Stars::AnyText || at == 0 || at == last => pattern.push('%'),
            '%' | '_' | '\\' => {
                pattern.push('\\');
                pattern.push(character);
            }
            _ => pattern.push(character),
        }
    }
    pattern
}
