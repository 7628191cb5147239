//! Rows of words in columns. A column is as wide as its widest cell; nothing is padded at the end of a row.

use std::io::{self, Write};

use owo_colors::{OwoColorize as _, Style};

use super::terminal::{FAINT, PLAIN};

/// A word and its colour.
pub(super) struct Cell {
    text: String,
    style: Style,
}

/// Rows that are written together.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, PLAIN)
    }

    pub(super) fn faint(text: impl Into<String>) -> Self {
        Self::new(text, FAINT)
    }
}

impl Table {
    /// A table under faint headings.
    pub(super) fn headed(headings: &[&str]) -> Self {
        let heading = headings.iter().map(|text| Cell::faint(*text)).collect();
        Self {
            rows: vec![heading],
        }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Writes every row after `indent`.
    pub(super) fn write(&self, out: &mut dyn Write, indent: &str) -> io::Result<()> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            for (column, cell) in row.iter().enumerate() {
                let width = cell.text.chars().count();
                match widths.get_mut(column) {
                    Some(widest) => *widest = width.max(*widest),
                    None => widths.push(width),
                }
            }
        }
        for row in &self.rows {
            write!(out, "{indent}")?;
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            for (column, cell) in row.iter().enumerate() {
                write!(out, "{}", cell.text.style(cell.style))?;
                if Some(column) < last {
                    let widest = widths.get(column).copied().unwrap_or_default();
                    let gap = widest.saturating_sub(cell.text.chars().count()) + 2;
                    write!(out, "{:gap$}", "")?;
                }
            }
            writeln!(out)?;
        }
        Ok(())
    }
}
