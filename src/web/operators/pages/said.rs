//! What happened, one sentence for each entry of the log.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::log_entry::EntryKind;
use crate::domain::notice::Occasion;
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
    let attempt = || {
        let attempts = detail.get("attempts").and_then(Value::as_u64);
        // That a team heard at once goes without saying.
        let is_told = |attempts: &u64| *attempts > 1 || line.kind != EntryKind::Delivered;
        attempts
            .filter(is_told)
            .map_or_else(String::new, |attempts| format!(" (attempt {attempts})"))
    };
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
        EntryKind::Reminded => {
            format!(
                "Half of the time is up; {} is reminded",
                or("/to", "everybody")
            )
        }
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
        EntryKind::Answered => match text("/result").as_deref() {
            Some("already") => format!("The platform had the answer already{}", attempt()),
            _ => format!("The platform took the answer{}", attempt()),
        },
        EntryKind::Delivered => format!("{}{}", Errand::in_entry(detail).done(), attempt()),
        EntryKind::AttemptFailed => {
            let errand = Errand::in_entry(detail).to_do();
            let failed = format!("Could not {errand}{}{}", attempt(), because("/error"));
            // However long the error is, what follows it is seen.
            let next = next(detail);
            format!("{}{next}", bounded(&failed, LONGEST - next.len()))
        }
        EntryKind::DeadLettered => format!(
            "Gave up to {}{}{}",
            Errand::in_entry(detail).to_do(),
            attempt(),
            because("/error")
        ),
        EntryKind::Retried => format!(
            "{} had it tried again to {}",
            or("/by", "Somebody"),
            Errand::in_entry(detail).to_do(),
        ),
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

/// When it is tried again.
fn next(detail: &Value) -> String {
    let next = detail.get("next").and_then(Value::as_str);
    let next = next.and_then(|next| next.parse::<Timestamp>().ok());
    next.map_or_else(String::new, |at| {
        format!("; next at {}", at.strftime("%Y-%m-%d %H:%M:%S UTC"))
    })
}

/// What an effect is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Errand<'a> {
    /// The word for its kind.
    pub(super) kind: &'a str,
    /// The name of the channel that is told.
    pub(super) channel: Option<&'a str>,
    /// The word for why it is told.
    pub(super) occasion: Option<&'a str>,
}

impl<'a> Errand<'a> {
    fn in_entry(detail: &'a Value) -> Self {
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        Self {
            // What entries from before had to say nothing of was an answer.
            kind: text("kind").unwrap_or("answer"),
            channel: text("channel"),
            occasion: text("occasion"),
        }
    }

    /// After `to`: `tell payments on Slack the question`.
    pub(super) fn to_do(self) -> String {
        match self.kind {
            "answer" => "answer the platform".to_owned(),
            "forward" => "pass the event on".to_owned(),
            "confirm" => "read the platform's record".to_owned(),
            "notify" => {
                let matter = self
                    .matter()
                    .map_or_else(String::new, |it| format!(" {it}"));
                format!("tell {}{matter}", self.place())
            }
            other => visible(other),
        }
    }

    /// When it was done: `Told payments on Slack: the question`.
    fn done(self) -> String {
        match self.kind {
            "answer" => "The platform took the answer".to_owned(),
            "forward" => "Passed the event on".to_owned(),
            "confirm" => "Read the platform's record".to_owned(),
            "notify" => {
                let matter = self
                    .matter()
                    .map_or_else(String::new, |it| format!(": {it}"));
                format!("Told {}{matter}", self.place())
            }
            other => format!("Done: {}", visible(other)),
        }
    }

    fn place(self) -> String {
        let Some((team, channel)) = self.channel.and_then(|name| name.split_once('/')) else {
            return self.channel.map_or_else(|| "a team".to_owned(), visible);
        };
        let team = visible(team);
        match channel {
            "slack" => format!("{team} on Slack"),
            "email" => format!("{team} by e-mail"),
            "webhook" => format!("{team} by webhook"),
            other => format!("{team} by {}", visible(other)),
        }
    }

    fn matter(self) -> Option<&'static str> {
        Some(match Occasion::parse(self.occasion?)? {
            Occasion::Asked => "the question",
            Occasion::Reminded => "the reminder",
            Occasion::Voted => "who voted",
            Occasion::HandedOver => "who is asked now",
            Occasion::Closed => "how it ended",
            Occasion::Reopened => "that it is open again",
        })
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
                EntryKind::Reminded,
                json!({"to": "payments", "deadline": "2026-11-22T15:00:00Z"}),
            ),
            of(
                EntryKind::AttemptFailed,
                json!({"effect": 3, "kind": "answer", "attempts": 2, "error": "503"}),
            ),
            of(
                EntryKind::Answered,
                json!({"platform_outcome": null, "effect": 3, "kind": "answer", "attempts": 3, "result": "done"}),
            ),
            of(
                EntryKind::Answered,
                json!({"platform_outcome": "approved", "effect": 3, "kind": "answer", "attempts": 1, "result": "already"}),
            ),
            of(EntryKind::Answered, json!({"platform_outcome": null})),
            of(
                EntryKind::DeadLettered,
                json!({"error": "401 from the platform"}),
            ),
            of(
                EntryKind::Delivered,
                json!({"effect": 2, "kind": "forward", "attempts": 1}),
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
        Half of the time is up; payments is reminded
        Could not answer the platform (attempt 2): 503
        The platform took the answer (attempt 3)
        The platform had the answer already (attempt 1)
        The platform took the answer
        Gave up to answer the platform: 401 from the platform
        Passed the event on
        Decided on the platform: approved by \u{202e}eve
        Policy 0123456789ab began to serve
        ");
    }

    #[test]
    fn every_attempt_at_telling_a_team_is_a_sentence_that_says_where_and_what() {
        let told = |kind, channel: &str, occasion: &str, attempts: u32, more: Value| {
            let mut detail = json!({
                "effect": 4, "kind": "notify", "channel": channel, "occasion": occasion, "attempts": attempts,
            });
            for (name, value) in more.as_object().unwrap() {
                detail[name] = value.clone();
            }
            of(kind, detail)
        };
        let (done, none) = (EntryKind::Delivered, json!({}));
        let refused = json!({"error": "connection refused", "next": "2026-11-22T03:00:07.5Z"});
        let long = json!({"error": "x".repeat(5000), "next": "2026-11-22T03:00:07Z"});
        let all = [
            told(done, "payments/slack", "asked", 1, none.clone()),
            told(done, "payments/slack", "reminded", 1, none.clone()),
            told(done, "payments/webhook", "voted", 3, none.clone()),
            told(done, "payments/slack", "handed_over", 1, none.clone()),
            told(done, "managers/slack", "reopened", 1, none.clone()),
            told(done, "pay\u{202e}ments/pager", "closed", 1, none),
            told(
                EntryKind::AttemptFailed,
                "managers/email",
                "asked",
                2,
                refused,
            ),
            told(
                EntryKind::DeadLettered,
                "managers/email",
                "closed",
                9,
                json!({"error": "550 no such user"}),
            ),
            told(
                EntryKind::Retried,
                "managers/email",
                "closed",
                9,
                json!({"by": "alice"}),
            ),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        Told payments on Slack: the question
        Told payments on Slack: the reminder
        Told payments by webhook: who voted (attempt 3)
        Told payments on Slack: who is asked now
        Told managers on Slack: that it is open again
        Told pay\u{202e}ments by pager: how it ended
        Could not tell managers by e-mail the question (attempt 2): connection refused; next at 2026-11-22 03:00:07 UTC
        Gave up to tell managers by e-mail how it ended (attempt 9): 550 no such user
        alice had it tried again to tell managers by e-mail how it ended
        ");
        let cut = told(EntryKind::AttemptFailed, "managers/email", "asked", 2, long);
        assert!(cut.ends_with("; next at 2026-11-22 03:00:07 UTC"), "{cut}");
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
