//! One entry of the decision log on one line.

use std::io::{self, Write};

use owo_colors::OwoColorize as _;
use serde_json::Value;

use super::case_name::CaseName;
use super::case_page::particulars;
use super::terminal::{BAD, FAINT, GOOD, PLAIN, moment, one_line, style_of};
use crate::domain::case::Case;
use crate::domain::id::SourceName;
use crate::domain::log_entry::EntryKind;
use crate::domain::verdict::Outcome;
use crate::store::{ChainReport, LogLine};

/// What an entry's case is shown as: what was asked and decided, which never changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub(super) source: Option<SourceName>,
    pub(super) outcome: Option<Outcome>,
    cause: Option<String>,
    action: Option<String>,
    agent: Option<String>,
    request: Option<String>,
    rule: Option<String>,
}

impl Written {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            source: Some(case.asked.source.clone()),
            outcome: Some(case.verdict.outcome),
            cause: Some(case.verdict.cause.as_str().to_owned()),
            action: case.asked.action.clone(),
            agent: case.asked.agent.clone(),
            request: Some(case.asked.request.as_str().to_owned()),
            rule: case.verdict.rules.first().map(|rule| rule.id.clone()),
        }
    }
}

/// `2026-11-21 18:55:01Z  decided   case_3f9c2ab1  approve  refunds  stripe.refund  approvals.refunds.approve#small`
pub(super) fn write(out: &mut dyn Write, line: &LogLine, about: &Written) -> io::Result<()> {
    let style = match line.kind {
        EntryKind::DeadLettered | EntryKind::Conflict | EntryKind::Frozen => BAD,
        EntryKind::Received
        | EntryKind::Decided
        | EntryKind::Voted
        | EntryKind::Reminded
        | EntryKind::HandedOver
        | EntryKind::Resolved
        | EntryKind::Expired
        | EntryKind::Superseded
        | EntryKind::PlatformReported
        | EntryKind::Answered
        | EntryKind::Delivered
        | EntryKind::AttemptFailed
        | EntryKind::Retried
        | EntryKind::Escalated
        | EntryKind::Unfrozen
        | EntryKind::PolicyServed => PLAIN,
    };
    let kind = format!("{:<17}", line.kind.as_str());
    let case = line.case_id.map_or_else(|| "-".to_owned(), CaseName::short);
    write!(
        out,
        "{}  {}  {case:<13}",
        moment(line.at).style(FAINT),
        kind.style(style)
    )?;
    if let (EntryKind::Decided, Some(outcome)) = (line.kind, about.outcome) {
        let why = about
            .rule
            .as_deref()
            .or(about.cause.as_deref())
            .unwrap_or_default();
        let padded = format!("{:<8}", outcome.as_str());
        write!(
            out,
            "  {}  {}  {}  {}",
            padded.style(style_of(outcome.as_str())),
            about
                .source
                .as_ref()
                .map(SourceName::as_str)
                .unwrap_or_default(),
            one_line(about.action.as_deref().unwrap_or("-"), 60),
            one_line(why, 120).style(FAINT),
        )?;
    } else {
        write!(out, "  {}", particulars(line.detail.as_ref()).style(FAINT))?;
    }
    writeln!(out)
}

/// The entry with what was asked and decided beside it.
pub(super) fn json(line: &LogLine, about: &Written) -> serde_json::Result<Value> {
    let mut entry = serde_json::to_value(line)?;
    if let Some(entry) = entry.as_object_mut() {
        let mut put = |name: &str, value: Option<&str>| {
            entry.insert(name.to_owned(), value.map_or(Value::Null, Value::from));
        };
        put("source", about.source.as_ref().map(SourceName::as_str));
        put("request_id", about.request.as_deref());
        put("action", about.action.as_deref());
        put("agent", about.agent.as_deref());
        put("outcome", about.outcome.map(Outcome::as_str));
        put("cause", about.cause.as_deref());
        put("rule", about.rule.as_deref());
    }
    Ok(entry)
}

/// `4,182 entries, chain intact, head 4182 at …`, or every fault.
pub(super) fn write_report(
    out: &mut dyn Write,
    report: &ChainReport,
    head: Option<&LogLine>,
) -> anyhow::Result<()> {
    let entries = report.entries;
    if report.faults.is_empty() {
        let head = head
            .map(|head| format!(", head {} at {}", head.sequence, moment(head.at)))
            .unwrap_or_default();
        let erased = match report.erased {
            0 => String::new(),
            erased => format!(", {erased} erased"),
        };
        writeln!(
            out,
            "{entries} entries, {}{head}{erased}",
            "chain intact".style(GOOD)
        )?;
        return Ok(());
    }
    for fault in &report.faults {
        writeln!(out, "{} {}", "fault:".style(BAD), one_line(fault, 400))?;
    }
    writeln!(out, "{entries} entries, {} faults", report.faults.len())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::domain::case::Mode;

    #[test]
    fn a_decision_is_one_line_with_outcome_and_rule() {
        let case = samples::case("appr_1", Outcome::Approve, Mode::Enforce);
        let (line, about) = (samples::line(&case), Written::of(&case));
        let shown = samples::printed(|out| Ok(write(out, &line, &about)?));
        insta::assert_snapshot!(shown, @r"2026-11-21 11:58:00Z  decided            case_c4df8e85  approve   refunds  stripe.refund  approvals.refunds.approve#small-refund");
    }

    #[test]
    fn other_entries_are_one_line_with_their_particulars() {
        let case = samples::case("appr_1", Outcome::Escalate, Mode::Enforce);
        let line = LogLine {
            kind: EntryKind::Voted,
            detail: Some(
                serde_json::json!({"by": "alice", "vote": "approve", "reason": "fine\nby me"}),
            ),
            ..samples::line(&case)
        };
        let shown = samples::printed(|out| Ok(write(out, &line, &Written::of(&case))?));
        insta::assert_snapshot!(shown, @r"2026-11-21 11:58:00Z  voted              case_c4df8e85  by alice, vote approve, reason fine\nby me");
    }

    #[test]
    fn a_whole_chain_is_one_line_and_a_broken_one_lists_every_fault() {
        let head = samples::line(&samples::case("appr_1", Outcome::Approve, Mode::Enforce));
        let mut report = ChainReport {
            entries: 7,
            erased: 0,
            faults: Vec::new(),
        };
        let whole = samples::printed(|out| write_report(out, &report, Some(&head)));
        assert_eq!(
            whole,
            "7 entries, chain intact, head 7 at 2026-11-21 11:58:00Z\n"
        );
        report.faults = vec![
            "entry 3 was changed".to_owned(),
            "entry 5 is missing".to_owned(),
        ];
        let broken = samples::printed(|out| write_report(out, &report, Some(&head)));
        assert_eq!(
            broken,
            "fault: entry 3 was changed\nfault: entry 5 is missing\n7 entries, 2 faults\n"
        );
    }

    #[test]
    fn a_json_entry_has_the_case_beside_it() {
        let case = samples::case("appr_1", Outcome::Approve, Mode::Enforce);
        let entry = json(&samples::line(&case), &Written::of(&case)).unwrap();
        insta::assert_snapshot!(entry, @r#"{"sequence":7,"at":"2026-11-21T11:58:00Z","kind":"decided","case_id":"case_c4df8e85288b9e14f3752f86545c40af","detail":{"outcome":"approve","cause":"rule","revision":"3f3f","resolution":null},"source":"refunds","request_id":"appr_1","action":"stripe.refund","agent":"billing-bot","outcome":"approve","cause":"rule","rule":"approvals.refunds.approve#small-refund"}"#);
    }
}
