//! Why a case was decided as it was: the rules that fired, each with its conditions and what they saw.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::access::Viewer;
use super::{Operators, cases, fresh};
use crate::domain::record::Record;
use crate::domain::verdict::{Condition, FiredRule, Truth};
use crate::web::problem::Problem;

/// The names are a promise.
#[derive(Serialize)]
struct Explanation<'a> {
    verdict: Record<'a>,
    rules: Vec<Explained<'a>>,
    /// What would have to be different; nobody looks for it yet.
    counterfactual: Option<()>,
}

#[derive(Serialize)]
struct Explained<'a> {
    id: &'a str,
    title: &'a str,
    reason: &'a str,
    file: &'a str,
    line: u32,
    conditions: Vec<Seen<'a>>,
}

#[derive(Serialize)]
struct Seen<'a> {
    text: &'a str,
    truth: Truth,
    /// By operand: `{"input.context.amount": "50"}`.
    values: BTreeMap<&'a str, &'a str>,
    file: &'a str,
    line: u32,
}

pub(super) async fn show(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = cases::file(&operators, &id).await?;
    Ok(fresh(&Explanation {
        verdict: Record::of(&file.case),
        rules: file.case.verdict.rules.iter().map(Explained::of).collect(),
        counterfactual: None,
    }))
}

impl<'a> Explained<'a> {
    fn of(rule: &'a FiredRule) -> Self {
        Self {
            id: &rule.id,
            title: &rule.title,
            reason: &rule.reason,
            file: &rule.file,
            line: rule.line,
            conditions: rule.conditions.iter().map(Seen::of).collect(),
        }
    }
}

impl<'a> Seen<'a> {
    fn of(condition: &'a Condition) -> Self {
        let values = condition.values.iter();
        Self {
            text: &condition.text,
            truth: condition.truth,
            values: values
                .map(|(operand, value)| (operand.as_str(), value.as_str()))
                .collect(),
            file: &condition.file,
            line: condition.line,
        }
    }
}
