//! What happened, one sentence for each entry of the log.

use serde_json::Value;

use crate::domain::log_entry::EntryKind;
use crate::domain::rationale::{bounded, visible};
use crate::store::LogLine;

/// Longer particulars are cut; the command line has them whole.
const LONGEST: usize = 400;

/// An entry of the log in words. Nothing in it is hidden, and it is not escaped for any markup.
pub(super) fn said(line: &LogLine) -> String {
    let Some(detail) = &line.detail else {
        return format!("{} (the particulars were erased)", title(line.kind));
    };
    let text = |at: &str| {
        let value = detail.pointer(at).filter(|value| !value.is_null())?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(visible(&text))
    };
    let or = |at: &str, other: &str| text(at).unwrap_or_else(|| other.to_owned());
    let because = |at: &str| text(at).map_or_else(String::new, |why| format!(": {why}"));
    let sentence = match line.kind {
        EntryKind::Received => "Received; the platform is asked for its own record".to_owned(),
        EntryKind::Decided => format!(
            "Policy says {} ({})",
            or("/outcome", "nothing"),
            or("/cause", "unknown")
        ),
        EntryKind::Conflict => "The same id came with other content, and was refused".to_owned(),
        EntryKind::Voted | EntryKind::Resolved if text("/vote").is_some() => format!(
            "{} voted {} by {}{}{}",
            or("/by", "somebody"),
            or("/vote", ""),
            or("/via", "api"),
            because("/reason"),
            if line.kind == EntryKind::Resolved {
                "; that was the last word"
            } else {
                ""
            },
        ),
        EntryKind::Resolved => format!(
            "{} by {}{}",
            or("/resolution/outcome", "Ended"),
            or("/resolution/by", "policy"),
            because("/resolution/reason")
        ),
        EntryKind::Reminded => format!("{} was reminded", or("/to", "Everybody")),
        EntryKind::HandedOver => format!(
            "{} did not answer; {} is asked",
            or("/from", "Nobody"),
            or("/to", "everybody")
        ),
        EntryKind::Expired => "Nobody answered in time".to_owned(),
        EntryKind::Superseded => format!(
            "Decided on the platform: {}{}{}",
            or("/platform_outcome", "somehow"),
            text("/by").map_or_else(String::new, |by| format!(" by {by}")),
            because("/reason")
        ),
        EntryKind::PlatformReported => {
            format!("The platform says: {}", or("/platform_outcome", "nothing"))
        }
        EntryKind::Answered => "The platform took the answer".to_owned(),
        EntryKind::AttemptFailed => format!(
            "Attempt {} to {} failed{}",
            or("/attempts", ""),
            errand(&or("/kind", "")),
            because("/error")
        ),
        EntryKind::DeadLettered => format!(
            "Gave up to {}{}",
            errand(&or("/kind", "answer")),
            because("/error")
        ),
        EntryKind::Retried => format!("{} had it tried again", or("/by", "Somebody")),
        EntryKind::Escalated => format!("Became a question to people{}", because("/error")),
        EntryKind::Frozen => format!(
            "{} froze approvals{}",
            or("/by", "Somebody"),
            because("/reason")
        ),
        EntryKind::Unfrozen => format!("{} lifted the freeze", or("/by", "Somebody")),
        EntryKind::PolicyServed => {
            let revision = or("/revision", "");
            let short = revision.get(..12).unwrap_or(&revision);
            format!("Policy {short} began to serve")
        }
        EntryKind::Voted => particulars(line.kind, detail),
    };
    bounded(&sentence, LONGEST)
}

/// What an effect is for, after `to`.
pub(super) fn errand(kind: &str) -> &str {
    match kind {
        "answer" => "answer the platform",
        "forward" => "pass the event on",
        "confirm" => "read the platform's record",
        "notify" => "tell a team",
        other => other,
    }
}

fn particulars(kind: EntryKind, detail: &Value) -> String {
    format!("{}: {}", title(kind), visible(&detail.to_string()))
}

/// The kind in words.
pub(super) fn title(kind: EntryKind) -> String {
    kind.as_str().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn of(kind: EntryKind, detail: Value) -> String {
        said(&LogLine {
            sequence: 1,
            at: Timestamp::UNIX_EPOCH,
            kind,
            case_id: None,
            detail: Some(detail),
        })
    }

    #[test]
    fn each_entry_is_a_sentence() {
        let all = [
            of(
                EntryKind::Decided,
                json!({"outcome": "escalate", "cause": "no_rule"}),
            ),
            of(
                EntryKind::Voted,
                json!({"by": "alice", "vote": "approve", "via": "web", "reason": null}),
            ),
            of(
                EntryKind::Resolved,
                json!({"by": "bob", "vote": "reject", "via": "slack", "reason": "too\nmuch"}),
            ),
            of(
                EntryKind::Resolved,
                json!({"resolution": {"outcome": "rejected", "by": "deadline", "reason": "late"}}),
            ),
            of(
                EntryKind::HandedOver,
                json!({"from": "payments", "to": "managers"}),
            ),
            of(
                EntryKind::AttemptFailed,
                json!({"effect": 3, "kind": "answer", "attempts": 2, "error": "503"}),
            ),
            of(
                EntryKind::DeadLettered,
                json!({"error": "401 from the platform"}),
            ),
            of(
                EntryKind::Superseded,
                json!({"platform_outcome": "approved", "by": "\u{202e}eve", "reason": null}),
            ),
            of(
                EntryKind::PolicyServed,
                json!({"revision": "0123456789abcdef"}),
            ),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        Policy says escalate (no_rule)
        alice voted approve by web
        bob voted reject by slack: too\nmuch; that was the last word
        rejected by deadline: late
        payments did not answer; managers is asked
        Attempt 2 to answer the platform failed: 503
        Gave up to answer the platform: 401 from the platform
        Decided on the platform: approved by \u{202e}eve
        Policy 0123456789ab began to serve
        ");
    }

    #[test]
    fn an_erased_entry_says_so_and_a_long_one_is_cut() {
        let line = LogLine {
            sequence: 1,
            at: Timestamp::UNIX_EPOCH,
            kind: EntryKind::Voted,
            case_id: None,
            detail: None,
        };
        assert_eq!(said(&line), "voted (the particulars were erased)");
        let long = of(EntryKind::Escalated, json!({"error": "x".repeat(5000)}));
        assert_eq!(long.chars().count(), LONGEST);
    }
}
