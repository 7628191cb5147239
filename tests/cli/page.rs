//! What a page shows: its blocks, the commands in them, and whether they print what it says.
//!
//! A line `…` stands for any lines. Revisions, ids, times, ports and how many evaluations an attack took are other ones
//! every day and are not compared; JSON is compared by the fields that the page shows.

use regex::Regex;

/// A fenced block of the page: its info string and its lines.
pub(crate) struct Block {
    pub(crate) info: String,
    pub(crate) lines: Vec<String>,
}

/// One `$` line, what it reads, and what it is said to print.
#[derive(Default)]
pub(crate) struct Typed {
    pub(crate) command: String,
    pub(crate) input: Option<String>,
    pub(crate) shown: Vec<String>,
}

impl Typed {
    /// Compares with what was printed.
    pub(crate) fn assert_printed(&self, printed: &str) {
        assert!(
            self.says(printed),
            "$ {}\n--- the page says\n{}\n--- it says\n{printed}",
            self.command,
            self.shown.join("\n"),
        );
    }

    /// Whether the page says this.
    pub(crate) fn says(&self, printed: &str) -> bool {
        let lines = |lines: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            lines
                .filter(|line| !line.is_empty())
                .map(ToOwned::to_owned)
                .collect()
        };
        let shown = lines(&mut self.shown.iter().map(String::as_str));
        self.is_silent() || matches(&shown, &lines(&mut printed.lines()))
    }

    /// Whether the page says nothing of what is printed.
    pub(crate) fn is_silent(&self) -> bool {
        self.shown.iter().all(|line| line == "…")
    }
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block {
                    info: info.to_owned(),
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

pub(crate) fn typed(block: &Block) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            all.push(Typed {
                command: command.to_owned(),
                ..Typed::default()
            });
            continue;
        }
        let last = all.last_mut().unwrap();
        match line.strip_prefix('>') {
            Some(input) => {
                let text = last.input.get_or_insert_default();
                text.push_str(input.strip_prefix(' ').unwrap_or(input));
                text.push('\n');
            }
            None => last.shown.push(line.clone()),
        }
    }
    all
}

/// A line without what is another one every day.
fn timeless(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (changing, word) in [
        (r"case_[0-9a-f]{4,32}", "CASE"),
        (r"\b[0-9a-f]{12}\b", "REVISION"),
        (r"\d{4}-\d\d-\d\d[ T][0-9:.]+Z", "TIME"),
        (r"\(\d+(\.\d+)?(ns|µs|ms|s)\)", "(TIME)"),
        (r"\b\d+s\b", "AGE"),
        (r"[\d,]+ evaluations", "N evaluations"),
        (r" {2,}", "  "),
    ] {
        line = Regex::new(changing)
            .unwrap()
            .replace_all(&line, word)
            .into_owned();
    }
    line
}

/// Whether `printed` is what is `shown`.
fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed.split_first().is_some_and(|(line, others)| {
            let same = if first.starts_with("{\"") {
                has_fields(line, first)
            } else {
                timeless(first) == timeless(line)
            };
            same && matches(rest, others)
        }),
    }
}

/// Whether a JSON object has the fields that the page shows of it, which leaves away the rest and says so with `…`.
fn has_fields(line: &str, shown: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<serde_json::Map<_, _>>(line) else {
        return false;
    };
    let text = shown.replace(", …}", "}");
    let wanted: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {shown}"));
    wanted.iter().all(|(name, value)| {
        let is = answer.get(name).map(|value| timeless(&value.to_string()));
        is == Some(timeless(&value.to_string()))
    })
}
