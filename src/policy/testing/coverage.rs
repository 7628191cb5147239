//! What share of the policies the tests reach, in OPA's shape. Test files do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::policy::engine::interpreter::CoveredFile;

/// The lines of every policy, as `opa test --coverage` has them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// By path.
    pub files: BTreeMap<String, FileCoverage>,
    /// Of all files.
    pub covered_lines: usize,
    /// Of all files.
    pub not_covered_lines: usize,
    /// Percent of the lines that count, 0 where none does.
    pub coverage: f64,
}

/// The lines of one policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileCoverage {
    /// Reached by a test.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Range>,
    /// Reached by none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<Range>,
    /// How many were reached.
    pub covered_lines: usize,
    /// How many were not.
    pub not_covered_lines: usize,
    /// Percent.
    pub coverage: f64,
}

/// Lines that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The first.
    pub start: Position,
    /// The last.
    pub end: Position,
}

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// From 1.
    pub row: u32,
}

impl Coverage {
    /// The report of what the interpreter counted.
    pub(super) fn of(files: Vec<CoveredFile>) -> Self {
        let files: BTreeMap<String, FileCoverage> = files
            .into_iter()
            .map(|file| (file.path.clone(), FileCoverage::of(&file)))
            .collect();
        let covered_lines = files.values().map(|file| file.covered_lines).sum();
        let not_covered_lines = files.values().map(|file| file.not_covered_lines).sum();
        Self {
            files,
            covered_lines,
            not_covered_lines,
            coverage: percent(covered_lines, not_covered_lines),
        }
    }

    /// The same with every file named as `name` says.
    #[must_use]
    pub fn with_files_named(self, name: impl Fn(&str) -> String) -> Self {
        let files = self.files.into_iter();
        Self {
            files: files.map(|(path, file)| (name(&path), file)).collect(),
            ..self
        }
    }

    /// A line for each file with its share, its lines and which are not covered; each line with its end.
    pub fn pretty(&self) -> String {
        let mut text = String::new();
        let width = self.files.keys().map(|path| path.chars().count()).max();
        let width = width.unwrap_or_default().max("all".len());
        let files = self.files.iter().map(|(path, file)| {
            let share = (file.covered_lines, file.not_covered_lines, file.coverage);
            (path.as_str(), share, rows(&file.not_covered))
        });
        let total = (self.covered_lines, self.not_covered_lines, self.coverage);
        let all = [("all", total, String::new())];
        for (name, (covered, not_covered, percent), missing) in files.chain(all) {
            let lines = format!("{covered}/{}", covered + not_covered);
            let shown = if covered + not_covered == 0 {
                "-".to_owned()
            } else {
                format!("{percent:.2}%")
            };
            let line = format!("{name:width$}  {shown:>7}  {lines:>9}");
            let missing = match &*missing {
                "" => String::new(),
                rows => format!("  not covered: {rows}"),
            };
            let _ = writeln!(text, "{line}{missing}");
        }
        text
    }

    /// `Lines not covered:` and where they are, as OPA says it.
    pub fn missing(&self) -> String {
        let mut text = String::from("Lines not covered:");
        for (path, file) in &self.files {
            for range in &file.not_covered {
                let _ = write!(text, "\n  {path}:{range}");
            }
        }
        text
    }
}

impl FileCoverage {
    fn of(file: &CoveredFile) -> Self {
        let (covered, not_covered) = (file.covered.len(), file.not_covered.len());
        Self {
            covered: ranges(&file.covered),
            not_covered: ranges(&file.not_covered),
            covered_lines: covered,
            not_covered_lines: not_covered,
            coverage: percent(covered, not_covered),
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.start.row)?;
        if self.end == self.start {
            return Ok(());
        }
        write!(f, "-{}", self.end.row)
    }
}

fn rows(ranges: &[Range]) -> String {
    let rows: Vec<String> = ranges.iter().map(Range::to_string).collect();
    rows.join(", ")
}

/// Neighbours put together.
fn ranges(lines: &BTreeSet<u32>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for &row in lines {
        let here = Position { row };
        match ranges.last_mut() {
            Some(range) if range.end.row + 1 == row => range.end = here,
            _ => ranges.push(Range {
                start: here,
                end: here,
            }),
        }
    }
    ranges
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a set has far fewer lines than a float counts exactly"
)]
fn percent(covered: usize, not_covered: usize) -> f64 {
    match covered + not_covered {
        0 => 0.0,
        all => 100.0 * covered as f64 / all as f64,
    }
}
