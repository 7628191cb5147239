use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::diagnostic::Paint;

fn write(directory: &Path, path: &str, text: &str) {
    let file = directory.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn paths(files: &PolicyFiles) -> Vec<&str> {
    files.sorted().into_keys().collect()
}

#[test]
fn data_lies_at_the_path_of_its_folder() {
    let files = PolicyFiles::of([
        ("data.json", r#"{"currency": "USD"}"#),
        ("fraud/data.yaml", "customers: [cus_1]\n"),
        ("fraud/deep/data.yml", "x: 1\n"),
        ("regions/data.json", r#"["eu"]"#),
    ])
    .unwrap();
    assert_eq!(
        files.data,
        serde_json::json!({
            "currency": "USD", "fraud": {"customers": ["cus_1"], "deep": {"x": 1}}, "regions": ["eu"],
        })
    );
}

#[test]
fn a_value_that_two_files_give_is_refused_and_both_are_named() {
    let mistakes = PolicyFiles::of([
        ("data.json", r#"{"limits": {"refund": 100}}"#),
        ("limits/data.yaml", "payout: 5\nrefund: 100\n"),
    ])
    .unwrap_err();
    assert_eq!(mistakes.len(), 1);
    insta::assert_snapshot!(mistakes[0].render(Paint::Plain), @r"
    error[P106]: `data.limits.refund` is given by both `data.json` and `limits/data.yaml`
     --> limits/data.yaml:2:1
      |
    2 | refund: 100
      | ^^^^^^ also in `data.json`
      |
      = help: keep it in one of the two files
    ");
}

#[test]
fn all_broken_data_files_are_told_at_once_with_their_lines() {
    let mistakes = PolicyFiles::of([
        ("a/data.json", "{\"a\": 1,\n \"a\": 2}"),
        ("b/data.yaml", "a: [1\nb: 2\n"),
        ("data.json", "[]"),
    ])
    .unwrap_err();
    let places: Vec<_> = mistakes
        .iter()
        .map(|one| one.place.as_ref().unwrap())
        .collect();
    assert_eq!(
        places.iter().map(|place| &*place.file).collect::<Vec<_>>(),
        ["a/data.json", "b/data.yaml", "data.json"]
    );
    assert_eq!(places[0].line_and_column().0, 2);
    assert_eq!(places[1].line_and_column().0, 2);
}

#[test]
fn samples_schemas_hidden_files_and_what_editors_leave_are_not_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in [
        "p.rego",
        "a/b.rego",
        "samples/s.rego",
        "a/schemas/s.rego",
        ".git/x.rego",
        ".p.rego.swp",
        "p.rego~",
        ".rego",
        "README.md",
        "a/other.json",
    ] {
        write(root, path, "package p\n");
    }
    assert_eq!(
        paths(&PolicyFiles::read(root).unwrap()),
        ["a/b.rego", "p.rego"]
    );
}

#[test]
fn a_mounted_config_map_is_read_once_by_its_own_names() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    write(root, "..2026_11_21/p.rego", "package p\n");
    write(root, "..2026_11_21/lib/q.rego", "package lib.q\n");
    symlink("..2026_11_21", root.join("..data")).unwrap();
    symlink("..data/p.rego", root.join("p.rego")).unwrap();
    symlink("..data/lib", root.join("lib")).unwrap();
    assert_eq!(
        paths(&PolicyFiles::read(root).unwrap()),
        ["lib/q.rego", "p.rego"]
    );
}

#[test]
fn a_link_that_leads_back_is_refused_and_one_that_leads_nowhere_too() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "a/p.rego", "package p\n");
    symlink("..", directory.path().join("a/again")).unwrap();
    symlink("gone.rego", directory.path().join("q.rego")).unwrap();
    symlink("gone", directory.path().join("notes")).unwrap();
    let mut codes: Vec<_> = PolicyFiles::read(directory.path())
        .unwrap_err()
        .iter()
        .map(|one| one.code)
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["P102", "P108"]);
}

#[test]
fn large_and_non_utf8_files_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "large.rego", &"#".repeat(1024 * 1024 + 1));
    write(directory.path(), "full.rego", &"#".repeat(1024 * 1024));
    fs::write(
        directory.path().join("latin.rego"),
        b"package p\n# caf\xe9\n",
    )
    .unwrap();
    let mut messages: Vec<_> = PolicyFiles::read(directory.path())
        .unwrap_err()
        .into_iter()
        .map(|one| one.message)
        .collect();
    messages.sort();
    assert_eq!(
        messages,
        [
            "`large.rego` is larger than 1 MiB",
            "`latin.rego` is not UTF-8 in line 2"
        ]
    );
}

#[test]
fn a_missing_directory_is_told_with_what_to_do_and_an_empty_one_is_an_empty_set() {
    let directory = tempfile::tempdir().unwrap();
    let missing = PolicyFiles::read(&directory.path().join("none")).unwrap_err();
    assert!(
        missing[0]
            .message
            .starts_with("there is no policy directory")
    );
    assert!(missing[0].help.as_ref().unwrap().contains("--policies"));
    let empty = PolicyFiles::read(directory.path()).unwrap();
    assert!(empty.is_empty());
    assert_eq!(empty.warnings(directory.path()).len(), 1);
}

#[test]
fn the_revision_is_of_the_engine_and_of_every_path_and_byte() {
    let of = |files: &[(&str, &str)], engine| {
        PolicyFiles::of(files.iter().copied())
            .unwrap()
            .revision(engine)
    };
    let base = of(&[("a.rego", "package a"), ("b.rego", "package b")], "1");
    assert_eq!(
        of(&[("b.rego", "package b"), ("a.rego", "package a")], "1"),
        base
    );
    assert_ne!(
        of(&[("a.rego", "package a"), ("b.rego", "package b")], "2"),
        base
    );
    assert_ne!(
        of(&[("a.rego", "package a"), ("c.rego", "package b")], "1"),
        base
    );
    assert_ne!(
        of(&[("a.rego", "package a"), ("b.rego", "package b\n")], "1"),
        base
    );
    assert_ne!(of(&[("a.rego", "package ab.regopackage b")], "1"), base);
}

#[test]
fn a_set_survives_being_stored() {
    let files = PolicyFiles::of([
        ("a.rego", "package a\n# \u{202e}\"\n"),
        ("f/data.yaml", "x: 1\n"),
    ])
    .unwrap();
    let again = PolicyFiles::from_stored(&files.to_stored()).unwrap();
    assert_eq!(again, files);
    assert_eq!(again.revision("1"), files.revision("1"));
    assert!(PolicyFiles::from_stored("{}").is_err());
    assert!(PolicyFiles::from_stored(r#"{"version": 2, "files": {}}"#).is_err());
}

proptest::proptest! {
    #[test]
    fn any_set_is_the_same_set_after_it_was_stored(texts in proptest::collection::btree_map("[a-c]/[a-z]{1,3}", ".*", 0..5)) {
        let named = texts.into_iter().map(|(name, text)| (format!("{name}.rego"), text));
        let files = PolicyFiles::of(named).unwrap();
        let again = PolicyFiles::from_stored(&files.to_stored()).unwrap();
        proptest::prop_assert_eq!(again.revision("1"), files.revision("1"));
        proptest::prop_assert_eq!(again, files);
    }
}

#[test]
fn schemas_are_read_from_the_top_and_one_in_another_language_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for path in [
        "p.rego",
        "schemas/stripe.refund.json",
        "schemas/s3/delete.json",
        "schemas/README.md",
        "schemas/data.json",
        "schemas/x.rego",
        "a/schemas/other.json",
    ] {
        write(root, path, "{}");
    }
    let files = PolicyFiles::read(root).unwrap();
    let names: Vec<_> = files.schemas.iter().map(SchemaFile::name).collect();
    assert_eq!(names, ["data", "s3/delete", "stripe.refund"]);
    assert_eq!((files.rego.len(), files.data_files.len()), (1, 0));
    write(root, "schemas/pay.yaml", "{}");
    assert_eq!(PolicyFiles::read(root).unwrap_err()[0].code, "P130");
}
