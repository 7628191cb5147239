//! A report as `opa test` prints it, with what `--var-values` adds to it: the statement that failed and the value of each
//! part, under the part.

use std::fmt::Write as _;

use super::{CaseResult, Failure, Operand, TestOutcome, TestReport, TestResult};

/// How much of a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The counts, and what did not pass.
    Brief,
    /// Every test.
    Verbose,
}

impl TestReport {
    /// As `opa test` prints it, each line with its end.
    pub fn pretty(&self, detail: Detail) -> String {
        let mut text = String::new();
        let mut last_file = None;
        for test in &self.results {
            if detail == Detail::Brief && test.outcome == TestOutcome::Pass {
                continue;
            }
            if last_file != Some(&test.file) {
                let gap = if last_file.is_some() { "\n" } else { "" };
                let _ = writeln!(text, "{gap}{}:", test.file);
                last_file = Some(&test.file);
            }
            let _ = writeln!(text, "{test}");
            for case in &test.cases {
                if detail == Detail::Verbose || !case.passes {
                    write_case(&mut text, case);
                }
            }
            if let TestOutcome::Error(error) = &test.outcome {
                let _ = writeln!(text, "  {error}");
            }
            if test.is_bad() {
                text.push_str(&frames(test));
            }
        }
        if !text.is_empty() {
            let _ = writeln!(text, "{}", "-".repeat(80));
        }
        let counts = self.counts();
        let total: usize = counts.iter().map(|(_, count)| count).sum();
        for (word, count) in counts {
            if count > 0 {
                let _ = writeln!(text, "{word}: {count}/{total}");
            }
        }
        text
    }

    /// How many there are of each outcome; each case of a test counts as one.
    fn counts(&self) -> [(&'static str, usize); 4] {
        let mut counts = ["PASS", "FAIL", "SKIPPED", "ERROR"].map(|word| (word, 0));
        let mut add = |counted: &str| {
            for (_, count) in counts.iter_mut().filter(|(word, _)| *word == counted) {
                *count += 1;
            }
        };
        for test in &self.results {
            if test.cases.is_empty() {
                add(test.outcome.word());
            }
            for case in &test.cases {
                add(word(case));
            }
        }
        counts
    }
}

/// What is printed below a test that did not pass: what failed, else its first line.
pub(super) fn frames(test: &TestResult) -> String {
    if test.failures.is_empty() && test.cases.iter().any(|case| !case.failures.is_empty()) {
        return String::new();
    }
    if test.failures.is_empty() {
        return format!("\n  {}:{}:\n    {}\n\n", test.file, test.line, test.source);
    }
    let frames = test.failures.iter().map(Failure::to_string);
    let frames: Vec<String> = frames.map(|frame| indented(&frame, "  ")).collect();
    format!("\n{}\n", frames.join("\n"))
}

fn write_case(text: &mut String, case: &CaseResult) {
    let indent = " ".repeat(4);
    let _ = writeln!(text, "  {}: {}", case.path.join(": "), word(case));
    if !case.failures.is_empty() {
        let frames = case.failures.iter().map(Failure::to_string);
        let frames: Vec<String> = frames.map(|frame| indented(&frame, &indent)).collect();
        let _ = write!(text, "\n{}\n", frames.join("\n"));
    }
}

fn word(case: &CaseResult) -> &'static str {
    if case.passes { "PASS" } else { "FAIL" }
}

fn indented(frame: &str, indent: &str) -> String {
    let line = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("{indent}{line}\n"),
    };
    frame.lines().map(line).collect()
}

/// File and line, the statement, and its values, each line with its end.
impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}:{}:", self.file, self.line)?;
        for line in self.text.lines() {
            writeln!(f, "  {line}")?;
        }
        let placed: Option<Vec<(usize, &Operand)>> = self
            .operands
            .iter()
            .map(|operand| Some((operand.column?, operand)))
            .collect();
        if let Some(placed) = placed {
            return arrows(f, placed);
        }
        writeln!(f, "\n  where:")?;
        let mut operands = self.operands.iter();
        operands.try_for_each(|operand| writeln!(f, "    {}: {}", operand.text, operand.value))
    }
}

/// A line with a bar below each part, then the values from the last part to the first, each below its part.
fn arrows(f: &mut std::fmt::Formatter<'_>, mut placed: Vec<(usize, &Operand)>) -> std::fmt::Result {
    placed.sort_by_key(|(column, operand)| (*column, operand.text.chars().count()));
    let bars = |before: usize| -> String {
        let mut line = String::new();
        for (column, _) in placed.iter().take_while(|(column, _)| *column < before) {
            let gap = column.saturating_sub(line.chars().count());
            if line.chars().count() <= *column {
                let _ = write!(line, "{:gap$}|", "");
            }
        }
        line
    };
    if let Some((last, _)) = placed.last() {
        writeln!(f, "  {}", bars(last + 1))?;
    }
    for (column, operand) in placed.iter().rev() {
        let shared = placed.iter().filter(|(other, _)| other == column).count() > 1;
        let before = bars(*column);
        let gap = column.saturating_sub(before.chars().count());
        let name = if shared {
            format!("{}: ", operand.text)
        } else {
            String::new()
        };
        writeln!(f, "  {before}{:gap$}{name}{}", "", operand.value)?;
    }
    Ok(())
}
