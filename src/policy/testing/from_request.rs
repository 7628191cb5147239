//! A request that came, as a test of the rules it is about: what they say of it today, they are held to from now on.
//!
//! What must hold: the file is one test and nothing else, whatever an agent wrote into its request; it passes on the set
//! that it was made from. So nothing of a request is written but as a literal, and how many elements each set gives is
//! found by running the very text that is handed out.

mod literal;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use self::literal::literal;
use crate::domain::case::Case;
use crate::domain::near;
use crate::domain::rationale::{bounded, visible};
use crate::domain::verdict::{Cause, MissingEvidence, Outcome, RuleSet, Verdict};
use crate::policy::engine::interpreter::Interpreter;
use crate::policy::folder::{PolicyFiles, RegoFile};
use crate::policy::input::Input;
use crate::policy::set::PolicySet;
use crate::policy::{decide, explain};

/// How long one set may take to evaluate.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Of more packages than these no test is made.
const MOST_PACKAGES: usize = 20;
/// More of an action does not help to tell tests apart.
const LONGEST_NAME: usize = 40;

/// Of facts that the guard missed no more is said in a comment.
const LONGEST_FACTS: usize = 300;

/// A file with one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFile {
    /// What to call it, beside the policies of its package.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why no test can be made of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untestable {
    /// The request is not kept any more, or cannot be read.
    #[error("the request is not kept any more")]
    Erased,
    /// There is no rule that it could be a test of.
    #[error("no policy is about this request; write a rule first")]
    NoRule,
    /// The engine does not take the text.
    #[error("the request cannot be written as a Rego file: {0}")]
    Refused(String),
}

/// A set of a package that says something of the request.
struct Asked {
    package: String,
    set: RuleSet,
}

impl Asked {
    fn path(&self) -> String {
        format!("data.{}.{}", self.package, self.set)
    }
}

/// The test of `case`, which was decided on `input`: as many elements as `set` gives today in each set of the packages that
/// are about it, with the clock at the time of the decision.
pub fn test_of(set: &PolicySet, case: &Case, input: &str) -> Result<TestFile, Untestable> {
    let input = Input::parse(input).map_err(|_| Untestable::Erased)?;
    let (packages, verdict) = about(set, &input, case.decided_at);
    let asked: Vec<Asked> = sets_of(set, &packages);
    let Some(first) = asked.first() else {
        return Err(Untestable::NoRule);
    };
    let short: String = (case.asked.id.to_string())
        .trim_start_matches("case_")
        .chars()
        .take(12)
        .collect();
    let writing = Writing {
        package: format!("{}_test", first.package),
        request: format!("request_{short}"),
        test: format!("test_{}_{short}", slug(&input, &verdict)),
        clock: uses_clock(set.files()).then_some(case.decided_at),
        value: crate::json::parse(input.text().as_bytes()).map_err(|_| Untestable::Erased)?,
        asked,
    };
    let counts = writing.counts(set.files(), case.decided_at)?;
    Ok(TestFile {
        name: format!("request_{short}_test.rego"),
        text: writing.text(case, &verdict, &counts),
    })
}

/// The packages whose rules fired; else those that came nearest to approving; else those that could apply; else all.
fn about(set: &PolicySet, input: &Input, at: Timestamp) -> (BTreeSet<String>, Verdict) {
    let verdict = decide(set, input, at);
    let explanation = explain(set, input, at);
    let nearest = near::nearest(&explanation);
    let of = |ids: &mut dyn Iterator<Item = &str>| -> BTreeSet<String> {
        ids.filter_map(package_of).collect()
    };
    let choices = [
        of(&mut verdict.rules.iter().map(|rule| &*rule.id)),
        of(&mut nearest.iter().map(|rule| &*rule.id)),
        of(&mut explanation.rules.iter().map(|rule| &*rule.id)),
        of(&mut set.rules().iter().map(|rule| &*rule.id)),
    ];
    let chosen = choices.into_iter().find(|packages| !packages.is_empty());
    (chosen.unwrap_or_default(), verdict)
}

/// `approvals.refunds` of `approvals.refunds.approve#small-refund`, where that can be written without brackets.
fn package_of(id: &str) -> Option<String> {
    let (path, _) = id.split_once('#')?;
    let (package, _) = path.rsplit_once('.')?;
    package.split('.').all(is_plain).then(|| package.to_owned())
}

fn is_plain(segment: &str) -> bool {
    const RESERVED: [&str; 17] = [
        "as", "contains", "data", "default", "else", "every", "false", "if", "import", "in",
        "input", "not", "null", "package", "some", "true", "with",
    ];
    let mut characters = segment.chars();
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    characters.next().is_some_and(starts)
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&segment)
}

fn sets_of(set: &PolicySet, packages: &BTreeSet<String>) -> Vec<Asked> {
    let mut seen = BTreeSet::new();
    let mut asked = Vec::new();
    for package in packages.iter().take(MOST_PACKAGES) {
        for rule in set.rules() {
            let is_its = package_of(&rule.id).as_deref() == Some(package);
            if is_its && seen.insert((package, rule.set)) {
                let package = package.clone();
                asked.push(Asked {
                    package,
                    set: rule.set,
                });
            }
        }
    }
    asked.sort_by(|one, other| (&one.package, one.set).cmp(&(&other.package, other.set)));
    asked
}

fn uses_clock(files: &PolicyFiles) -> bool {
    files
        .rego
        .iter()
        .any(|file| file.text.contains("time.now_ns"))
}

/// `stripe_refund_is_approved`: letters, digits and `_` alone.
fn slug(input: &Input, verdict: &Verdict) -> String {
    let action = input.action().unwrap_or("a_request");
    let mut name = String::new();
    for character in action.chars().take(LONGEST_NAME) {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    let name = if name.is_empty() { "a_request" } else { name };
    let done = match (verdict.outcome, verdict.cause) {
        (Outcome::Approve, _) => "is_approved",
        (Outcome::Reject, _) => "is_rejected",
        (Outcome::Escalate, Cause::Evidence) => "is_held_by_the_guard",
        (Outcome::Escalate, _) => "goes_to_a_person",
    };
    format!("{name}_{done}")
}

/// What a reader has to know where the guard decided: tests see what Rego says without it.
fn guarded(verdict: &Verdict) -> String {
    if verdict.cause != Cause::Evidence {
        return String::new();
    }
    let saw = |needed: &MissingEvidence| format!("`{}` is {}", needed.path, needed.saw);
    let facts: BTreeSet<String> = verdict.evidence.iter().map(saw).collect();
    let facts: Vec<String> = facts.into_iter().collect();
    format!(
        "# The guard left it to a person: {}. Below is what the rules say without the guard; once they ask for\n# what they need, the sets that approve give 0 here.\n",
        bounded(&visible(&facts.join(", ")), LONGEST_FACTS)
    )
}

/// What the file is written from.
struct Writing {
    package: String,
    request: String,
    test: String,
    clock: Option<Timestamp>,
    value: serde_json::Value,
    asked: Vec<Asked>,
}

impl Writing {
    /// How many elements each set gives; `None` for one that is not defined.
    fn counts(&self, files: &PolicyFiles, at: Timestamp) -> Result<Vec<Option<u64>>, Untestable> {
        let mut probe = self.head();
        for (place, asked) in self.asked.iter().enumerate() {
            let (request, path) = (&self.request, asked.path());
            let _ = writeln!(
                probe,
                "\n{request}_{place} := n if n := count({path}) with input as {request}{}",
                self.with_clock()
            );
        }
        let mut files = files.clone();
        files.rego.push(RegoFile {
            path: format!("{}_test.rego", self.request),
            text: probe.into(),
        });
        let refused = |mistakes: Vec<crate::diagnostic::Diagnostic>| {
            let first = mistakes.into_iter().next().map(|mistake| mistake.message);
            Untestable::Refused(first.unwrap_or_default())
        };
        let interpreter = Interpreter::new(&files, TIME_LIMIT).map_err(refused)?;
        let count = |place: usize| {
            let rule = format!("data.{}.{}_{place}", self.package, self.request);
            let value = interpreter.eval(&rule, at).map_err(Untestable::Refused)?;
            Ok(value.and_then(|value| value.as_u64()))
        };
        (0..self.asked.len()).map(count).collect()
    }

    fn text(&self, case: &Case, verdict: &Verdict, counts: &[Option<u64>]) -> String {
        let mut text = format!(
            "# Made from {} of {}, decided {} as {} ({}) by policy {}.\n",
            case.asked.id,
            case.asked.source,
            case.decided_at,
            case.verdict.outcome,
            case.verdict.cause,
            case.verdict.revision.short(),
        );
        text.push_str(&guarded(verdict));
        text.push_str(&self.head());
        let _ = writeln!(text, "\n{} if {{", self.test);
        for (asked, count) in self.asked.iter().zip(counts) {
            let (path, request, clock) = (asked.path(), &self.request, self.with_clock());
            let _ = match count {
                Some(count) => {
                    writeln!(
                        text,
                        "\tcount({path}) == {count} with input as {request}{clock}"
                    )
                }
                None => writeln!(text, "\tnot {path} with input as {request}{clock}"),
            };
        }
        text.push_str("}\n");
        text
    }

    /// The package, and the request under its name.
    fn head(&self) -> String {
        format!(
            "package {}\n\n{} := {}\n",
            self.package,
            self.request,
            literal(&self.value)
        )
    }

    fn with_clock(&self) -> String {
        self.clock.map_or_else(String::new, |at| {
            format!(" with time.now_ns as {}", at.as_nanosecond())
        })
    }
}

#[cfg(test)]
mod tests;
