//! How the house is built: what ARCHITECTURE.md and the pages under `docs/` say of the code is what the code is.
#![expect(
    clippy::unwrap_used,
    reason = "test helpers may panic; the panic is the report"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// As long as a file of code may be, its tests aside.
const LONG: usize = 450;

/// As long as a file of tests may be.
const LONG_TESTS: usize = 560;

/// Files that are longer, and why nobody should split them.
const LONGER: [(&str, &str); 1] = [(
    "src/store/contract.rs",
    "one contract that every store must keep, as a whole",
)];

/// One file of `src/` without its tests and comments.
struct Source {
    /// Such as `src/flow/mod.rs`.
    path: String,
    code: Vec<String>,
    lines: usize,
    is_test: bool,
}

impl Source {
    /// The module at the crate's root that it belongs to.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap();
        let name = inside.split('/').next().unwrap();
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// The modules at the crate's root that it names.
    fn imports(&self) -> BTreeSet<String> {
        static PATH: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\b(?:crate|countersign)::([a-zA-Z_]+)").unwrap());
        let code = self.code.join("\n");
        assert!(
            !code.contains("crate::{") && !code.contains("super::super"),
            "{}: write imports from the crate's root one by one",
            self.path
        );
        PATH.captures_iter(&code)
            .map(|found| found[1].to_owned())
            .filter(|module| module != self.module())
            .collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines that are built into the program, and the modules that are declared for tests only.
fn without_tests(text: &str) -> (Vec<String>, Vec<String>) {
    static DECLARED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^(?:pub(?:\([a-z]+\))? )?mod ([a-z_]+);$").unwrap());
    let (mut code, mut test_modules) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push(line.to_owned());
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let item = lines
            .find(|line| !line.trim_start().starts_with("#["))
            .unwrap();
        if let Some(module) = DECLARED.captures(item.trim()) {
            test_modules.push(module[1].to_owned());
        } else if !item.ends_with(';') {
            let end = format!("{indent}}}");
            lines.find(|line| *line == end).unwrap();
        }
    }
    (code, test_modules)
}

/// Everything under `src/`.
fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files.sort();
    let mut test_places = Vec::new();
    let mut sources = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let (code, test_modules) = without_tests(&text);
        let inside = path
            .strip_suffix("/mod.rs")
            .or_else(|| path.strip_suffix("/lib.rs"))
            .or_else(|| path.strip_suffix(".rs"))
            .unwrap();
        test_places.extend(
            test_modules
                .iter()
                .map(|module| format!("{inside}/{module}")),
        );
        sources.push(Source {
            path: path.to_owned(),
            lines: code.len(),
            code: code
                .into_iter()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect(),
            is_test: false,
        });
    }
    for source in &mut sources {
        source.is_test = test_places.iter().any(|place| {
            source.path == format!("{place}.rs") || source.path.starts_with(&format!("{place}/"))
        });
    }
    assert!(sources.len() > 100 && sources.iter().any(|source| source.is_test));
    sources
}

/// The floor of each module, as ARCHITECTURE.md has it.
fn floors() -> BTreeMap<String, u8> {
    let row = Regex::new(r"(?m)^\| (\d) \| ([^|]+) \|").unwrap();
    let name = Regex::new(r"`(\w+)(?:\.rs|/)`").unwrap();
    let page = page("ARCHITECTURE.md");
    let mut floors = BTreeMap::new();
    for found in row.captures_iter(&page) {
        for module in name.captures_iter(&found[2]) {
            floors.insert(module[1].to_owned(), found[1].parse().unwrap());
        }
    }
    floors
}

#[test]
fn imports_go_down_only() {
    let floors = floors();
    let floor = |module: &str| {
        *floors
            .get(module)
            .unwrap_or_else(|| panic!("ARCHITECTURE.md has no floor for `{module}`"))
    };
    for source in sources().iter().filter(|source| !source.is_test) {
        for import in source.imports() {
            assert!(
                floor(&import) <= floor(source.module()),
                "{} (floor {}) imports `{import}` (floor {})",
                source.path,
                floor(source.module()),
                floor(&import)
            );
        }
    }
}

#[test]
fn no_two_modules_import_each_other() {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources().iter().filter(|source| !source.is_test) {
        imports
            .entry(source.module().to_owned())
            .or_default()
            .extend(source.imports());
    }
    // Whoever imports nothing that is left is done; those who are never done go round in a circle.
    while !imports.is_empty() {
        let done: Vec<String> = imports
            .iter()
            .filter(|(_, needed)| needed.iter().all(|module| !imports.contains_key(module)))
            .map(|(module, _)| module.clone())
            .collect();
        assert!(!done.is_empty(), "a circle: {imports:#?}");
        imports.retain(|module, _| !done.contains(module));
    }
}

#[test]
fn each_engine_is_named_behind_its_own_port_only() {
    for (engine, place) in [
        ("regorus", "src/policy/engine/"),
        ("rusqlite", "src/store/sqlite/"),
        ("saphyr", "src/config/yaml.rs"),
        ("jsonschema::", "src/policy/schemas/"),
        ("SystemTime::now", "src/clock.rs"),
        ("Timestamp::now", "src/clock.rs"),
    ] {
        for source in sources().iter().filter(|source| !source.is_test) {
            let named = source.code.iter().any(|line| line.contains(engine));
            assert!(
                !named || source.path.starts_with(place),
                "{} names {engine}, which is the business of {place}",
                source.path
            );
        }
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for source in sources() {
        let allowed = if source.is_test { LONG_TESTS } else { LONG };
        let excused = LONGER.iter().any(|(path, _)| *path == source.path);
        assert_eq!(
            source.lines > allowed,
            excused,
            "{} has {} lines of {allowed}",
            source.path,
            source.lines
        );
    }
}

#[test]
fn no_module_is_a_drawer() {
    for source in sources() {
        for part in source.path.split(['/', '.']) {
            assert!(
                ![
                    "util", "utils", "common", "helpers", "manager", "types", "misc"
                ]
                .contains(&part),
                "{}: name it after what it holds",
                source.path
            );
        }
    }
}

/// The codes in the first cells of a page's tables.
fn documented(name: &str) -> BTreeSet<String> {
    let row = Regex::new(r"(?m)^\| ((?:P|CS|C)\d{3}) \|").unwrap();
    row.captures_iter(&page(name))
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn every_code_is_documented_and_every_documented_code_is_used() {
    let literal = Regex::new(r#""(P|CS|C)(\d{3})""#).unwrap();
    let (mut of_policies, mut of_configs) = (BTreeSet::new(), BTreeSet::new());
    for source in sources().iter().filter(|source| !source.is_test) {
        for found in literal.captures_iter(&source.code.join("\n")) {
            let code = format!("{}{}", &found[1], &found[2]);
            match &found[1] {
                "P" | "CS" => of_policies.insert(code),
                _ => of_configs.insert(code),
            };
        }
    }
    assert_eq!(of_policies, documented("docs/checks.md"));
    assert_eq!(of_configs, documented("docs/configuration.md"));
}

#[test]
fn every_key_of_the_configuration_page_is_in_the_default_config() {
    let default = page("src/config/default.yaml");
    let page = page("docs/configuration.md");
    let cell = Regex::new(r"(?m)^\| ([^|]*`[a-z_.\[\]]+`[^|]*) \| [^|]+ \| ([^|]*) \|$").unwrap();
    let key = Regex::new(r"`([a-z_.\[\]]+)`").unwrap();
    let mut seen = 0;
    for row in cell.captures_iter(&page) {
        for found in key.captures_iter(&row[1]) {
            let last = found[1].trim_end_matches("[]").rsplit('.').next().unwrap();
            assert!(default.contains(&format!("{last}:")), "{}", &found[1]);
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn every_page_that_a_page_points_to_is_there() {
    let link = Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").unwrap();
    let mut pages = vec![
        PathBuf::from("README.md"),
        PathBuf::from("ARCHITECTURE.md"),
        PathBuf::from("CHANGELOG.md"),
        PathBuf::from("policies/README.md"),
    ];
    for folder in ["docs", "examples"] {
        markdown(&root().join(folder), &mut pages);
    }
    let mut links = 0;
    for name in pages {
        let text = std::fs::read_to_string(root().join(&name)).unwrap();
        for found in link.captures_iter(&text) {
            let target = root().join(&name).parent().unwrap().join(&found[1]);
            assert!(target.exists(), "{}: {}", name.display(), &found[1]);
            links += 1;
        }
    }
    assert!(links > 10, "{links}");
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_test_that_architecture_names_is_there() {
    let name = Regex::new(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+){3,})`").unwrap();
    let (mut files, mut code) = (Vec::new(), String::new());
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    for file in files {
        code += &std::fs::read_to_string(file).unwrap();
    }
    let page = page("ARCHITECTURE.md");
    let mut seen = 0;
    for found in name.captures_iter(&page) {
        assert!(
            code.contains(&format!("fn {}(", &found[1])),
            "{}",
            &found[1]
        );
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}
