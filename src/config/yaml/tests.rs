use super::*;

fn slices(node: &Node, text: &str, out: &mut Vec<String>) {
    match &node.kind {
        Kind::Null => {}
        Kind::Scalar { .. } => out.push(text[node.span.clone()].to_owned()),
        Kind::Sequence(items) => items.iter().for_each(|item| slices(item, text, out)),
        Kind::Mapping(entries) => {
            for entry in entries {
                out.push(text[entry.key_span.clone()].to_owned());
                slices(&entry.value, text, out);
            }
        }
    }
}

#[test]
fn spans_are_bytes_also_after_wide_characters_and_windows_line_ends() {
    let text = "# größe 💶\r\nmode: 'drÿ'\r\nlist: [ü, {a: b}]\r\n  \r\nlast: x y\r\n";
    let (root, mistakes) = parse(text);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let mut seen = Vec::new();
    slices(&root.unwrap(), text, &mut seen);
    assert_eq!(
        seen,
        ["mode", "'drÿ'", "list", "ü", "a", "b", "last", "x y"]
    );
}

#[test]
fn json_indented_by_tabs_is_read() {
    let (root, mistakes) = parse("{\n\t\"mode\": \"dry_run\",\n\t\"sources\":[]\n}\n");
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert!(matches!(root.unwrap().kind, Kind::Mapping(entries) if entries.len() == 2));
}

#[test]
fn a_name_of_the_environment_needs_no_quotes_also_between_braces() {
    let text = "a: {b: ${ÜB}, c: x${NAME}y, d: '$${NAME}', e: [${A}, ${B_1}]}\n";
    let (root, mistakes) = parse(&text.replace("${ÜB}", "ü"));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let mut seen = Vec::new();
    slices(&root.unwrap(), &text.replace("${ÜB}", "ü"), &mut seen);
    assert_eq!(
        seen,
        [
            "a",
            "b",
            "ü",
            "c",
            "x${NAME}y",
            "d",
            "'$${NAME}'",
            "e",
            "${A}",
            "${B_1}"
        ]
    );
    let (root, _) = parse("{t: ${NAME}}");
    let Kind::Mapping(entries) = root.unwrap().kind else {
        panic!("it is a mapping")
    };
    assert!(matches!(&entries[0].value.kind, Kind::Scalar { text, .. } if text == "${NAME}"));
}

#[test]
fn what_would_end_the_text_unseen_is_refused() {
    for text in [
        "mode: dry_run\n\0\nmode: enforce\n",
        "\0",
        "a: \u{1}",
        "a: \u{fdd0}",
    ] {
        let (root, mistakes) = parse(text);
        assert!(root.is_none());
        assert!(
            mistakes[0].1.message.contains("it holds the character"),
            "{text:?}"
        );
    }
}

#[test]
fn what_is_not_seen_at_once_is_refused() {
    for (text, message) in [
        ("a: 1\na: 2\n", "the key `a` is written twice"),
        ("a: &x 1\nb: *x\n", "anchors and aliases are not read here"),
        ("a: !!str 1\n", "tags are not read here"),
        ("a: 1\n---\nb: 2\n", "a second document starts here"),
        ("? [a]\n: b\n", "a key must be plain text"),
    ] {
        let (_, mistakes) = parse(text);
        assert_eq!(mistakes.first().unwrap().1.message, message, "{text}");
    }
}

#[test]
fn deep_nesting_and_broken_text_are_mistakes() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(5_000),
        "a: [1, 2\nb: }".to_owned(),
        "a: \"".to_owned(),
    ] {
        let (root, mistakes) = parse(&text);
        assert!(root.is_none());
        assert_eq!(mistakes.len(), 1);
    }
}
