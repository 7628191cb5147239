//! The whole log against its key, and everything the log vouches for against the log.
//!
//! Each entry is checked against the one that stands before it now, so that one change is one fault and the rest of the
//! chain still says what it is worth.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::domain::id::CaseId;
use crate::domain::log_entry::{ChainKey, ChainMac, EntryKind, GENESIS, LogEntry};
use crate::store::ChainReport;
use crate::store::sqlite::chain;
use crate::store::sqlite::commit::input_digest;
use crate::store::sqlite::control::{served, set_digest};
use crate::store::sqlite::reader::Trouble;
use crate::store::sqlite::rows::{CaseRow, case_columns, freeze_digest, time};

/// How many faults are told.
const TOLD: usize = 100;

/// Checks everything.
pub(super) fn verify(connection: &Connection, key: &ChainKey) -> Result<ChainReport, Trouble> {
    let mut check = Check {
        connection,
        key,
        report: ChainReport {
            entries: 0,
            erased: 0,
            faults: Vec::new(),
        },
    };
    let end = check.entries()?;
    check.head(&end)?;
    check.freeze(&end)?;
    check.cases()?;
    check.sets()?;
    Ok(check.report)
}

struct Check<'a> {
    connection: &'a Connection,
    key: &'a ChainKey,
    report: ChainReport,
}

/// What the log ends with.
struct End {
    sequence: u64,
    last: ChainMac,
    /// What the last entry on a freeze says stands.
    freeze: Option<Vec<u8>>,
}

/// An entry as it is in the file.
struct Stored {
    sequence: u64,
    at: i64,
    kind: String,
    rowid: Option<i64>,
    detail: Option<String>,
    body: ChainMac,
    state: Vec<u8>,
    mac: ChainMac,
    case: Option<(CaseId, [u8; 32], String)>,
}

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let key: Option<[u8; 16]> = row.get(8)?;
        let case = match key {
            Some(key) => Some((CaseId::from_bytes(key), row.get(9)?, row.get(10)?)),
            None => None,
        };
        Ok(Self {
            sequence: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row.get(1)?,
            kind: row.get(2)?,
            rowid: row.get(3)?,
            detail: row.get(4)?,
            body: row.get(5)?,
            state: row.get(6)?,
            mac: row.get(7)?,
            case,
        })
    }
}

impl Check<'_> {
    fn fault(&mut self, fault: String) {
        if self.report.faults.len() < TOLD {
            self.report.faults.push(fault);
        }
    }

    fn entries(&mut self) -> Result<End, Trouble> {
        let mut statement = self.connection.prepare_cached(
            "SELECT log.sequence, log.at, log.kind, log.case_id, log.detail, log.body, log.state, log.mac,
                 cases.key, cases.input_digest, cases.verdict
             FROM log LEFT JOIN cases ON cases.id = log.case_id ORDER BY log.sequence",
        )?;
        let mut rows = statement.query([])?;
        let mut end = End {
            sequence: 0,
            last: GENESIS,
            freeze: None,
        };
        while let Some(row) = rows.next()? {
            self.report.entries += 1;
            match Stored::read(row) {
                Ok(entry) => self.entry(&entry, &mut end),
                Err(error) => {
                    let after = end.sequence;
                    self.fault(format!("the entry after {after} cannot be read: {error}"));
                }
            }
        }
        Ok(end)
    }

    fn entry(&mut self, entry: &Stored, end: &mut End) {
        let number = entry.sequence;
        let expected = end.sequence + 1;
        if number > expected {
            let last = number - 1;
            self.fault(if last == expected {
                format!("entry {expected} is missing")
            } else {
                format!("entries {expected} to {last} are missing")
            });
        } else if number < expected {
            self.fault(format!("entry {number} stands where {expected} should"));
        }
        match (EntryKind::parse(&entry.kind), time(entry.at)) {
            (Some(kind), Ok(at)) => {
                let chained = LogEntry {
                    sequence: number,
                    at,
                    kind,
                    case: entry.case.as_ref().map(|(id, ..)| *id),
                    payload: self.key.payload(&[&entry.body, &entry.state]),
                };
                if self.key.link(&end.last, &chained) != entry.mac {
                    self.fault(format!(
                        "entry {number} ({kind}) does not fit the chain: it was changed, or what stood before it was"
                    ));
                }
                self.payload(entry, kind);
                if matches!(kind, EntryKind::Frozen | EntryKind::Unfrozen) {
                    end.freeze = Some(entry.state.clone());
                }
            }
            (None, _) => self.fault(format!(
                "entry {number} is of the unknown kind `{}`",
                entry.kind
            )),
            (Some(_), Err(_)) => self.fault(format!("entry {number} has no readable time")),
        }
        end.sequence = number;
        end.last = entry.mac;
    }

    fn payload(&mut self, entry: &Stored, kind: EntryKind) {
        let number = entry.sequence;
        if let (Some(rowid), None) = (entry.rowid, &entry.case) {
            self.fault(format!(
                "entry {number} ({kind}) is of case row {rowid}, which is gone"
            ));
            return;
        }
        let Some(detail) = &entry.detail else {
            self.report.erased += 1;
            return;
        };
        let body = match (kind, &entry.case) {
            (EntryKind::Decided, Some((_, input, verdict))) => {
                chain::decided_body(self.key, detail, input, verdict)
            }
            (_, Some(_) | None) => chain::body(self.key, detail),
        };
        if body != entry.body {
            self.fault(match &entry.case {
                Some((id, ..)) if kind == EntryKind::Decided => format!(
                    "entry {number} ({kind}) does not hold what was decided: its detail, or the input or verdict of \
                     {id}, was changed"
                ),
                Some(_) | None => {
                    format!("entry {number} ({kind}) does not hold what happened: its detail was changed")
                }
            });
        }
    }

    fn head(&mut self, end: &End) -> Result<(), Trouble> {
        let head = self
            .connection
            .query_row("SELECT sequence, last, mac FROM chain_head", [], |row| {
                Ok((
                    row.get::<_, i64>(0)?.cast_unsigned(),
                    row.get::<_, Vec<u8>>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            })
            .optional()?;
        let Some((sequence, last, mac)) = head else {
            if end.sequence > 0 {
                self.fault("the head of the log is gone".to_owned());
            }
            return Ok(());
        };
        let signed = ChainMac::try_from(last.as_slice())
            .is_ok_and(|last| mac == self.key.head(sequence, &last, &self.logged_freeze(end)));
        if !signed {
            self.fault("the head of the log was not written with this key".to_owned());
        }
        if sequence != end.sequence {
            self.fault(format!(
                "the log ends at entry {} and its head says {sequence}",
                end.sequence
            ));
        } else if last != end.last {
            self.fault(format!(
                "the last entry, {sequence}, is not the one that the head names"
            ));
        }
        Ok(())
    }

    fn freeze(&mut self, end: &End) -> Result<(), Trouble> {
        let freeze = chain::frozen(self.connection)?;
        let stands = freeze_digest(freeze.as_ref(), self.key);
        if self.logged_freeze(end) != stands {
            self.fault("the freeze is not what the log says it is".to_owned());
        }
        Ok(())
    }

    fn logged_freeze(&self, end: &End) -> Vec<u8> {
        end.freeze
            .clone()
            .unwrap_or_else(|| freeze_digest(None, self.key).to_vec())
    }

    fn cases(&mut self) -> Result<(), Trouble> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT id, input, ",
            case_columns!(),
            " FROM cases ORDER BY id"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let rowid: i64 = row.get(0)?;
            match CaseRow::read(row, 2) {
                Ok(case) => self.case(rowid, &case, row.get(1)?)?,
                Err(error) => self.fault(format!("case row {rowid} cannot be read: {error}")),
            }
        }
        Ok(())
    }

    fn case(&mut self, rowid: i64, case: &CaseRow, input: Option<String>) -> Result<(), Trouble> {
        let id = case.key;
        let decided: i64 = self
            .connection
            .prepare_cached("SELECT COUNT(*) FROM log WHERE case_id = ?1 AND kind = 'decided'")?
            .query_row([rowid], |row| row.get(0))?;
        let received = self.received(rowid)?;
        match (decided, &received) {
            (1, _) => {}
            // It waits for the platform's record, or ended before that was there: what stands is what was received.
            (0, Some(detail)) => {
                let logged: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
                let verdict: Option<serde_json::Value> = serde_json::from_str(&case.verdict).ok();
                let input = serde_json::to_value(case.input_digest).ok();
                if logged.get("verdict") != verdict.as_ref()
                    || logged.get("input") != input.as_ref()
                {
                    self.fault(format!("{id} is not what was received by the log"));
                }
            }
            (times, _) => self.fault(format!("{id} was decided {times} times by the log")),
        }
        let logged = chain::logged_state(self.connection, rowid)?;
        let state = case.digest(self.key)?;
        if let Some(logged) = logged
            && logged != state
        {
            self.fault(format!("{id} is not what the log's last entry on it says"));
        }
        match input {
            Some(input) if input_digest(&input) != case.input_digest => {
                self.fault(format!(
                    "the input of {id} is not the one that was decided on"
                ));
            }
            Some(_) => {}
            None => self.report.erased += 1,
        }
        Ok(())
    }

    fn received(&self, rowid: i64) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT detail FROM log WHERE case_id = ?1 AND kind = 'received'")?
            .query_row([rowid], |row| row.get(0))
            .optional()
            .map(Option::flatten)
    }

    /// Every set that is kept is the one that the log says began to serve, and none of those is gone: decisions of it could
    /// not be told again.
    fn sets(&mut self) -> Result<(), Trouble> {
        let logged = self
            .connection
            .prepare_cached("SELECT detail FROM log WHERE kind = ?1 AND detail IS NOT NULL")?
            .query_map([EntryKind::PolicyServed.as_str()], |row| {
                row.get::<_, String>(0)
            })?
            .collect::<Result<std::collections::HashSet<_>, _>>()?;
        let mut statement = self
            .connection
            .prepare_cached("SELECT revision, engine, files FROM policy_sets ORDER BY revision")?;
        let mut rows = statement.query([])?;
        let mut kept = std::collections::HashSet::new();
        while let Some(row) = rows.next()? {
            let (revision, engine, files): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            kept.insert(revision.clone());
            let detail = served(&revision, &engine, set_digest(&files));
            if !logged.contains(&detail.to_string()) {
                self.fault(format!(
                    "the policy set {revision} is not one that the log says served"
                ));
            }
        }
        let served = logged.iter().filter_map(|detail| {
            let detail: serde_json::Value = serde_json::from_str(detail).ok()?;
            Some(detail.get("revision")?.as_str()?.to_owned())
        });
        for revision in served.filter(|revision| !kept.contains(revision)) {
            self.fault(format!(
                "the policy set {revision}, which the log says served, is gone"
            ));
        }
        Ok(())
    }
}
