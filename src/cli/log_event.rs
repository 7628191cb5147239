//! A decision as OPA's decision log has it, from the store: what the running program writes to its own log, with the
//! whole verdict beside it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::rationale;
use crate::domain::record::Record;
use crate::store::{CaseFile, LogLine};

/// One line of `countersign log export`.
#[derive(Serialize)]
pub(super) struct DecisionEvent<'a> {
    r#type: &'static str,
    event: &'static str,
    sequence: u64,
    decision_id: String,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    labels: Labels<'a>,
    bundles: Bundles<'a>,
    path: &'static str,
    /// As it was decided on, to the byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a RawValue>,
    erased: &'static [&'static str],
    result: Decision<'a>,
    mode: &'static str,
    source: &'a str,
    request_id: &'a str,
    action: Option<&'a str>,
    agent: Option<&'a str>,
    verdict: Record<'a>,
}

#[derive(Serialize)]
struct Labels<'a> {
    app: &'static str,
    version: &'static str,
    source: &'a str,
}

#[derive(Serialize)]
struct Bundles<'a> {
    policies: Bundle<'a>,
}

#[derive(Serialize)]
struct Bundle<'a> {
    revision: &'a str,
}

#[derive(Serialize)]
struct Decision<'a> {
    outcome: &'static str,
    cause: &'static str,
    rationale: String,
    rules: Vec<&'a str>,
}

impl<'a> DecisionEvent<'a> {
    /// The event of the entry `line` that decided the case of `file`.
    pub(super) fn of(line: &LogLine, file: &'a CaseFile) -> Self {
        let case = &file.case;
        let verdict = &case.verdict;
        let input = file
            .input
            .as_deref()
            .and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        let mut trace = case
            .asked
            .traceparent
            .as_deref()
            .unwrap_or_default()
            .split('-')
            .skip(1);
        Self {
            r#type: "openpolicyagent.org/decision_logs",
            event: "decision",
            sequence: line.sequence,
            decision_id: case.asked.id.to_string(),
            timestamp: line.at,
            trace_id: trace.next(),
            span_id: trace.next(),
            labels: Labels {
                app: "countersign",
                version: env!("CARGO_PKG_VERSION"),
                source: case.asked.source.as_str(),
            },
            bundles: Bundles {
                policies: Bundle {
                    revision: verdict.revision.as_str(),
                },
            },
            path: "approvals",
            erased: if input.is_some() { &[] } else { &["/input"] },
            input,
            result: Decision {
                outcome: verdict.outcome.as_str(),
                cause: verdict.cause.as_str(),
                rationale: rationale::short(verdict),
                rules: verdict.rules.iter().map(|rule| rule.id.as_str()).collect(),
            },
            mode: case.mode.as_str(),
            source: case.asked.source.as_str(),
            request_id: case.asked.request.as_str(),
            action: case.asked.action.as_deref(),
            agent: case.asked.agent.as_deref(),
            verdict: Record::of(case),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::domain::case::Mode;
    use crate::domain::verdict::Outcome;

    #[test]
    fn an_event_names_what_opa_names_and_keeps_the_inputs_digits() {
        let case = samples::case("appr_1", Outcome::Approve, Mode::Enforce);
        let line = samples::line(&case);
        let file = CaseFile {
            input: Some(r#"{"context":{"amount":50.00}}"#.into()),
            ..samples::file(case)
        };
        let text = serde_json::to_string(&DecisionEvent::of(&line, &file)).unwrap();
        assert!(
            text.contains(r#""input":{"context":{"amount":50.00}}"#),
            "{text}"
        );
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            event["result"]["rules"][0],
            "approvals.refunds.approve#small-refund"
        );
        assert_eq!(event["bundles"]["policies"]["revision"], "3f".repeat(32));
        assert_eq!(event["verdict"]["rules"][0]["line"], 12);
    }

    #[test]
    fn an_erased_input_is_said_to_be_erased() {
        let case = samples::case("appr_1", Outcome::Approve, Mode::Enforce);
        let line = samples::line(&case);
        let file = CaseFile {
            input: None,
            ..samples::file(case)
        };
        let event = serde_json::to_value(DecisionEvent::of(&line, &file)).unwrap();
        assert_eq!(event["erased"][0], "/input");
        assert!(event.get("input").is_none());
    }
}
