//! One decision as one line: OPA's decision-log event with our fields beside, or a sentence.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::LogFormat;

/// One decision, as it is told.
#[derive(Debug, Clone, Copy)]
pub struct DecisionEvent<'a> {
    /// Which instance of ours decided.
    pub instance: &'a str,
    /// The version of the program.
    pub version: &'a str,
    /// The case.
    pub case_id: &'a str,
    /// From the request's `traceparent`.
    pub trace_id: Option<&'a str>,
    /// From the request's `traceparent`.
    pub span_id: Option<&'a str>,
    /// The revision of the policies.
    pub revision: &'a str,
    /// The policy input.
    pub input: &'a RawValue,
    /// `approve`, `reject` or `escalate`.
    pub outcome: &'a str,
    /// Why.
    pub cause: &'a str,
    /// Why, in words.
    pub rationale: &'a str,
    /// Ids of the rules that gave the outcome.
    pub rules: &'a [&'a str],
    /// The address that the request came from.
    pub requested_by: Option<&'a str>,
    /// When it was decided.
    pub timestamp: Timestamp,
    /// How long the evaluation took.
    pub evaluation_nanoseconds: u64,
    /// JSON pointers of what was taken out of the input.
    pub erased: &'a [&'a str],
    /// JSON pointers of what was replaced in the input.
    pub masked: &'a [&'a str],
    /// `dry_run` or `enforce`.
    pub mode: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// What the asker calls the request.
    pub request_id: &'a str,
    /// What the agent wants to do.
    pub action: Option<&'a str>,
    /// Who wants to do it.
    pub agent: Option<&'a str>,
}

impl DecisionEvent<'_> {
    /// One line, without its line end.
    pub fn line(&self, format: LogFormat) -> String {
        match format {
            LogFormat::Json => self.json(),
            LogFormat::Text => self.to_string(),
        }
    }

    fn json(&self) -> String {
        let line = Line {
            level: "info",
            msg: "Decision Log",
            r#type: "openpolicyagent.org/decision_logs",
            event: "decision",
            time: self.timestamp,
            labels: Labels {
                id: self.instance,
                version: self.version,
            },
            decision_id: self.case_id,
            trace_id: self.trace_id,
            span_id: self.span_id,
            bundles: Bundles {
                policies: Bundle {
                    revision: self.revision,
                },
            },
            path: "approvals",
            input: self.input,
            result: DecisionResult {
                outcome: self.outcome,
                cause: self.cause,
                rationale: self.rationale,
                rules: self.rules,
            },
            requested_by: self.requested_by,
            timestamp: self.timestamp,
            metrics: EvaluationMetrics {
                timer_rego_query_eval_ns: self.evaluation_nanoseconds,
            },
            erased: self.erased,
            masked: self.masked,
            mode: self.mode,
            source: self.source,
            request_id: self.request_id,
            action: self.action,
            agent: self.agent,
        };
        // A line end in JSON is only ever white space: the input may have been sent with some.
        serde_json::to_string(&line)
            .unwrap_or_default()
            .replace(['\n', '\r'], " ")
    }
}

impl fmt::Display for DecisionEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timestamp,
            outcome,
            cause,
            mode,
            ..
        } = self;
        write!(
            f,
            "{timestamp} {outcome} ({cause}) {}/{}",
            self.source,
            Visible(self.request_id)
        )?;
        if let Some(action) = self.action {
            write!(f, " {}", Visible(action))?;
        }
        if let Some(agent) = self.agent {
            write!(f, " by {}", Visible(agent))?;
        }
        let revision = self.revision.get(..12).unwrap_or(self.revision);
        write!(
            f,
            ": {} [{mode}, revision {revision}, {}]",
            Visible(self.rationale),
            self.case_id
        )
    }
}

#[derive(Serialize)]
struct Line<'a> {
    level: &'static str,
    msg: &'static str,
    r#type: &'static str,
    event: &'static str,
    time: Timestamp,
    labels: Labels<'a>,
    decision_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<&'a str>,
    bundles: Bundles<'a>,
    path: &'static str,
    input: &'a RawValue,
    result: DecisionResult<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<&'a str>,
    timestamp: Timestamp,
    metrics: EvaluationMetrics,
    erased: &'a [&'a str],
    masked: &'a [&'a str],
    mode: &'a str,
    source: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
}

#[derive(Serialize)]
struct Labels<'a> {
    id: &'a str,
    version: &'a str,
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
struct DecisionResult<'a> {
    outcome: &'a str,
    cause: &'a str,
    rationale: &'a str,
    rules: &'a [&'a str],
}

#[derive(Serialize)]
struct EvaluationMetrics {
    timer_rego_query_eval_ns: u64,
}

/// Text by strangers: what would move the cursor or turn the direction of writing is shown as its code.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            let turns = matches!(
                letter,
                '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            );
            if letter.is_control() || turns {
                write!(f, "\\u{{{:x}}}", u32::from(letter))?;
            } else {
                fmt::Write::write_char(f, letter)?;
            }
        }
        Ok(())
    }
}
