//! Reading a platform's list to its end, page by page.
//!
//! What must hold: a list that never ends is given up; a page that cannot be read is no end of the list.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::domain::id::ContentDigest;
use crate::source::api::{Api, NoCall};
use crate::source::client::{Body, Class, LARGEST_LIST, Response};
use crate::source::webhook::call::Beside;
use crate::source::webhook::raw;
use crate::source::webhook::settings::{Lookup, Pages};
use crate::source::webhook::template::Values;
use crate::source::{Confirmation, NotListed, Reach};

/// The most pages that are read of one list.
const MOST_PAGES: usize = 200;

/// The most that is read of one list, in bytes.
const LARGEST_WHOLE: usize = 64 * 1024 * 1024;

/// One reading of one list, or of one record.
pub(super) struct Walk<'a> {
    lookup: &'a Lookup,
    values: Values<'a>,
    traceparent: Option<&'a str>,
    idempotency: String,
    pages: usize,
    bytes: usize,
    records: usize,
    seen: HashSet<[u8; 32]>,
    next: Next,
}

/// Which page comes next.
enum Next {
    First,
    From(usize),
    At(String),
    None,
}

/// Why a list could not be read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopped {
    /// There is no such record.
    Missing,
    /// The list could not be had.
    NoCall(NoCall),
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        lookup: &'a Lookup,
        values: Values<'a>,
        traceparent: Option<&'a str>,
    ) -> Self {
        Self {
            lookup,
            values,
            traceparent,
            idempotency: uuid::Uuid::now_v7().to_string(),
            pages: 0,
            bytes: 0,
            records: 0,
            seen: HashSet::new(),
            next: Next::First,
        }
    }

    /// The records of the next page that no page before had; none after the end.
    pub(super) async fn page(&mut self, api: &Api) -> Result<Option<Vec<Box<RawValue>>>, Stopped> {
        let query = self.query();
        if matches!(self.next, Next::None) {
            return Ok(None);
        }
        if self.pages == MOST_PAGES || self.bytes > LARGEST_WHOLE {
            return Err(failed(format!(
                "the list goes on after {} pages and {} bytes; name a narrower one",
                self.pages, self.bytes
            )));
        }
        let beside = Beside {
            query: &query,
            idempotency: &self.idempotency,
            traceparent: self.traceparent,
            largest: LARGEST_LIST,
        };
        let response = self.lookup.call.send(api, &self.values, beside).await?;
        let document = self.document(&response)?;
        self.pages += 1;
        self.bytes += document.len();
        let items = self.items(document, &response)?;
        self.records += items.len();
        let new: Vec<Box<RawValue>> = items
            .into_iter()
            .filter(|item| {
                let digest = ContentDigest::of(&[item.get().as_bytes()]);
                self.seen.insert(*digest.as_bytes())
            })
            .collect();
        self.next = self.after(document, !new.is_empty(), &response)?;
        Ok(Some(new))
    }

    fn query(&self) -> Vec<(&'a str, String)> {
        match (&self.lookup.pages, &self.next) {
            (
                Pages::Offset {
                    limit,
                    limit_parameter,
                    offset_parameter,
                },
                next,
            ) => {
                let from = match next {
                    Next::From(from) => *from,
                    Next::First | Next::At(_) | Next::None => 0,
                };
                vec![
                    (limit_parameter.as_str(), limit.to_string()),
                    (offset_parameter.as_str(), from.to_string()),
                ]
            }
            (Pages::Cursor { parameter, .. }, Next::At(cursor)) => {
                vec![(parameter.as_str(), cursor.clone())]
            }
            (Pages::One | Pages::Cursor { .. }, _) => Vec::new(),
        }
    }

    fn document<'r>(&self, response: &'r Response) -> Result<&'r str, Stopped> {
        let later = |reach| NoCall::Retry {
            after: response.retry_after(),
            error: response.describe(&[]),
            reach,
        };
        let bytes = match (response.class(), &response.body) {
            (Class::Later(reach), _) => return Err(later(reach).into()),
            (Class::Unauthorized, _) => {
                return Err(Stopped::NoCall(NoCall::Alert {
                    error: format!(
                        "{}; is the credential right and still valid?",
                        response.describe(&[])
                    ),
                }));
            }
            (Class::Never, _)
                if self.lookup.items.is_none()
                    && response.status == http::StatusCode::NOT_FOUND =>
            {
                return Err(Stopped::Missing);
            }
            (Class::Already | Class::Expired | Class::Never, _) => {
                return Err(failed(response.describe(&[])));
            }
            (Class::Taken, Body::Cut) => return Err(later(Reach::Unknown).into()),
            (Class::Taken, Body::TooLarge) => {
                return Err(failed(format!(
                    "{}, with more than {LARGEST_LIST} bytes",
                    response.describe(&[])
                )));
            }
            (Class::Taken, Body::Whole(bytes)) => bytes,
        };
        std::str::from_utf8(bytes)
            .map_err(|_| failed(format!("{} without UTF-8", response.describe(&[]))))
    }

    fn items(&self, document: &str, response: &Response) -> Result<Vec<Box<RawValue>>, Stopped> {
        let items = match &self.lookup.items {
            Some(list) => raw::items(document, list),
            None => serde_json::from_str(document)
                .map(|record| vec![record])
                .map_err(|_| raw::Untaken::NotJson),
        };
        items.map_err(|untaken| unusable(response, &untaken))
    }

    fn after(
        &mut self,
        document: &str,
        brought_something: bool,
        response: &Response,
    ) -> Result<Next, Stopped> {
        match &self.lookup.pages {
            Pages::One => Ok(Next::None),
            Pages::Offset { .. } => Ok(if brought_something {
                Next::From(self.records)
            } else {
                Next::None
            }),
            Pages::Cursor { next, .. } => {
                let cursor =
                    raw::text(document, next).map_err(|untaken| unusable(response, &untaken))?;
                Ok(match cursor {
                    Some(cursor) if !cursor.is_empty() && self.is_new_cursor(&cursor) => {
                        Next::At(cursor)
                    }
                    Some(_) | None => Next::None,
                })
            }
        }
    }

    fn is_new_cursor(&mut self, cursor: &str) -> bool {
        let digest = ContentDigest::of(&[b"cursor", cursor.as_bytes()]);
        self.seen.insert(*digest.as_bytes())
    }
}

fn failed(error: String) -> Stopped {
    Stopped::NoCall(NoCall::Failed { error })
}

fn unusable(response: &Response, untaken: &raw::Untaken) -> Stopped {
    failed(format!(
        "{}, and its list is not usable: {untaken}",
        response.describe(&[])
    ))
}

impl From<NoCall> for Stopped {
    fn from(no_call: NoCall) -> Self {
        Self::NoCall(no_call)
    }
}

impl From<Stopped> for Confirmation {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Missing => Self::Missing,
            Stopped::NoCall(no_call) => no_call.into(),
        }
    }
}

impl From<Stopped> for NotListed {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Missing => Self::Alert("the platform has no such list".to_owned()),
            Stopped::NoCall(no_call) => no_call.into(),
        }
    }
}
