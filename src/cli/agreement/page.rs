//! The comparison for people and for programs: the dangerous cell first.

use std::io::{self, Write};

use jiff::Timestamp;
use owo_colors::{OwoColorize as _, Style};
use serde_json::{Value, json};

use super::comparison::{Comparison, behind};
use crate::cli::table::{Cell, Table};
use crate::cli::terminal::{BAD, FAINT, GOOD, HEADING, PLAIN, WAITS, grouped, moment, one_line};
use crate::domain::case::Case;
use crate::domain::rationale;
use crate::domain::record::Record;

/// One sentence for the head of the page.
pub(super) fn headline(comparison: &Comparison<'_>, since: Timestamp) -> String {
    let total = comparison.total();
    let since = moment(since);
    if total == 0 {
        return format!("Nobody decided a request since {since} that could be compared.");
    }
    format!(
        "Of {} requests since {since}, policy would have decided {} as people did, asked about {}, and approved {} that people rejected.",
        grouped(total),
        grouped(comparison.same),
        grouped(comparison.asked.total()),
        grouped(comparison.approve_rejected.len()),
    )
}

/// The names are a promise.
pub(super) fn json(comparison: &Comparison<'_>, since: Timestamp) -> Value {
    let records = |cases: &[&Case]| -> Vec<Value> {
        cases.iter().map(|case| json!(Record::of(case))).collect()
    };
    json!({
        "since": since,
        "headline": headline(comparison, since),
        "compared": comparison.total(),
        "same": comparison.same,
        "would_approve_what_people_rejected": records(&comparison.approve_rejected),
        "would_reject_what_people_approved": records(&comparison.reject_approved),
        "would_have_asked": comparison.asked,
        "nobody_decided": comparison.unanswered,
        "answered_by_countersign": comparison.our_own,
        "rules": comparison.rules,
    })
}

/// The page.
pub(super) fn write(
    out: &mut dyn Write,
    comparison: &Comparison<'_>,
    since: Timestamp,
) -> anyhow::Result<()> {
    writeln!(out, "{}", headline(comparison, since).style(HEADING))?;
    if comparison.our_own > 0 {
        let left_out = format!(
            "{} more were answered by countersign itself and say nothing about agreement.",
            grouped(comparison.our_own)
        );
        writeln!(out, "{}", left_out.style(FAINT))?;
    }
    if comparison.total() == 0 {
        return Ok(());
    }
    let danger = if comparison.approve_rejected.is_empty() {
        GOOD
    } else {
        BAD
    };
    write_cases(
        out,
        "would approve what people rejected",
        &comparison.approve_rejected,
        danger,
    )?;
    write_cases(
        out,
        "would reject what people approved",
        &comparison.reject_approved,
        WAITS,
    )?;
    writeln!(out)?;
    write_counts(out, comparison)?;
    if !comparison.rules.is_empty() {
        writeln!(out)?;
        write_rules(out, comparison)?;
    }
    Ok(())
}

fn write_cases(out: &mut dyn Write, title: &str, cases: &[&Case], style: Style) -> io::Result<()> {
    writeln!(
        out,
        "\n{}",
        format!("{}  {title}", grouped(cases.len())).style(style)
    )?;
    for case in cases {
        let asked = &case.asked;
        let word = |text: Option<&str>| one_line(text.unwrap_or("-"), 60);
        writeln!(
            out,
            "  {}  {} by {}  {} {}",
            asked.id,
            word(asked.action.as_deref()),
            word(asked.agent.as_deref()),
            asked.source,
            one_line(asked.request.as_str(), 60),
        )?;
        for rule in behind(case) {
            writeln!(
                out,
                "    {}  {}:{}",
                one_line(&rule.id, 120),
                rule.file,
                rule.line
            )?;
        }
        writeln!(out, "    {}", rationale::short(&case.verdict).style(FAINT))?;
    }
    Ok(())
}

fn write_counts(out: &mut dyn Write, comparison: &Comparison<'_>) -> io::Result<()> {
    let mut table = Table::headed(&["POLICY", "REQUESTS", "PEOPLE"]);
    let mut row = |policy: &str, count: usize, people: String| {
        table.row(vec![
            Cell::plain(policy),
            Cell::plain(grouped(count)),
            Cell::plain(people),
        ]);
    };
    let spelled = |words: super::comparison::Words| {
        let parts = [
            (words.approved, "approved"),
            (words.rejected, "rejected"),
            (words.expired, "expired"),
            (words.other, "other"),
        ];
        let said: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(count)))
            .collect();
        said.join(", ")
    };
    row("the same", comparison.same, String::new());
    row(
        "would have asked",
        comparison.asked.total(),
        spelled(comparison.asked),
    );
    row(
        "decides, nobody else did",
        comparison.unanswered.total(),
        spelled(comparison.unanswered),
    );
    table.write(out, "")
}

fn write_rules(out: &mut dyn Write, comparison: &Comparison<'_>) -> io::Result<()> {
    let mut table = Table::headed(&["DECIDED", "SAME", "OPPOSITE", "RULE", "WHERE"]);
    for rule in &comparison.rules {
        table.row(vec![
            Cell::plain(grouped(rule.decided)),
            Cell::plain(grouped(rule.same)),
            Cell::new(
                grouped(rule.differ),
                if rule.differ > 0 { BAD } else { PLAIN },
            ),
            Cell::plain(one_line(&rule.id, 80)),
            Cell::faint(format!("{}:{}", rule.file, rule.line)),
        ]);
    }
    table.write(out, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::{case, decided_there, now, printed};
    use crate::domain::case::Mode;
    use crate::domain::platform::PlatformOutcome;
    use crate::domain::verdict::Outcome;

    #[test]
    fn the_dangerous_ones_are_listed_first_with_rule_and_reason() {
        let there = |ours, theirs| decided_there(case("appr_1", ours, Mode::DryRun), theirs);
        let cases = [
            there(Outcome::Approve, PlatformOutcome::Approved),
            there(Outcome::Escalate, PlatformOutcome::Approved),
            there(Outcome::Escalate, PlatformOutcome::Rejected),
            there(Outcome::Approve, PlatformOutcome::Rejected),
            there(Outcome::Approve, PlatformOutcome::Expired),
        ];
        let comparison = Comparison::of(&cases);
        let page = printed(|out| write(out, &comparison, now()));
        insta::assert_snapshot!(page, @r"
        Of 5 requests since 2026-11-21 12:00:00Z, policy would have decided 1 as people did, asked about 2, and approved 1 that people rejected.

        1  would approve what people rejected
          case_c4df8e85288b9e14f3752f86545c40af  stripe.refund by billing-bot  refunds appr_1
            approvals.refunds.approve#small-refund  approvals/refunds/refunds.rego:12
            Approved by policy 3f3f3f3f3f3f: Small refund: a refund of $50 is under $100.

        0  would reject what people approved

        POLICY                    REQUESTS  PEOPLE
        the same                  1
        would have asked          2         1 approved, 1 rejected
        decides, nobody else did  1         1 expired

        DECIDED  SAME  OPPOSITE  RULE                                    WHERE
        3        1     1         approvals.refunds.approve#small-refund  approvals/refunds/refunds.rego:12
        ");
        let json = json(&comparison, now());
        assert_eq!(
            json["would_approve_what_people_rejected"][0]["request_id"],
            "appr_1"
        );
        assert_eq!(
            json["would_have_asked"],
            json!({"approved": 1, "rejected": 1, "expired": 0, "other": 0})
        );
    }

    #[test]
    fn nothing_to_compare_is_said_and_not_shown_as_agreement() {
        let page = printed(|out| write(out, &Comparison::default(), now()));
        assert_eq!(
            page,
            "Nobody decided a request since 2026-11-21 12:00:00Z that could be compared.\n"
        );
    }
}
