use proptest::prelude::*;
use serde_json::json;

use super::*;

fn refusal(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_request_is_read_as_it_was_written() {
    let body = br#" {"action": "stripe.refund", "context": {"amount": 49.90, "tags": ["a", null, true, -3]}} "#;
    let expected = json!({"action": "stripe.refund", "context": {"amount": 49.9, "tags": ["a", null, true, -3]}});
    assert_eq!(parse(body).unwrap(), expected);
}

#[test]
fn a_key_given_twice_is_refused_with_its_place() {
    assert_eq!(
        refusal(r#"{"context": {"amount": 1, "amount": 900}}"#),
        "the key `amount` is given twice; send it once (byte 26, in `/context`)"
    );
}

#[test]
fn a_key_given_twice_under_two_spellings_is_refused() {
    assert_eq!(
        refusal(r#"[{"amount": 1, "\u0061mount": 900}]"#),
        "the key `amount` is given twice; send it once (byte 15, in `/0`)"
    );
}

#[test]
fn numbers_that_keep_their_value_are_taken() {
    for (text, value) in [
        ("0", json!(0)),
        ("-0", json!(0)),
        ("-0.0", json!(0.0)),
        ("0e999999999999999999", json!(0.0)),
        ("100", json!(100)),
        ("1.10", json!(1.1)),
        ("0.1", json!(0.1)),
        ("0.30000000000000004", json!(0.300_000_000_000_000_04)),
        ("1e2", json!(100.0)),
        ("1E+2", json!(100.0)),
        ("5e-324", json!(5e-324)),
        ("9007199254740993", json!(9_007_199_254_740_993_i64)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("18446744073709551615", json!(u64::MAX)),
        ("100000000000000000000", json!(1e20)),
    ] {
        assert_eq!(parse(text.as_bytes()), Ok(value), "{text}");
    }
}

#[test]
fn numbers_that_would_change_their_value_are_refused() {
    for text in [
        "1e400",
        "-1e400",
        "1e-400",
        "4.9e-324",
        "12345678901234567890.5",
        "18446744073709551616",
        "-9223372036854775809",
        "9007199254740993.0",
        "0.1000000000000000055511151231257827",
        "1e99999999999999999999999",
    ] {
        let problem = parse(text.as_bytes()).unwrap_err().problem;
        assert_eq!(
            problem,
            Problem::Number {
                lexeme: text.to_owned()
            }
        );
    }
}

#[test]
fn text_that_is_not_json_is_refused_with_the_place() {
    for (text, message) in [
        ("", "the body is empty; send a JSON value (byte 0)"),
        (" \n", "the body is empty; send a JSON value (byte 2)"),
        (
            "\u{feff}{}",
            "the body starts with a byte order mark; leave it out (byte 0)",
        ),
        (
            "{} {}",
            "there is something after the end of the JSON value (byte 3)",
        ),
        (
            "{\"a\": tru",
            "expected a value, found `t` (byte 6, in `/a`)",
        ),
        ("{\"a\": 1", "the JSON ends too early (byte 7)"),
        (
            "{\"a\": 1,}",
            "expected a key in double quotes, found `}` (byte 8)",
        ),
        ("[1,]", "expected a value, found `]` (byte 3, in `/1`)"),
        ("[01]", "expected `,` or `]`, found `1` (byte 2)"),
        ("[1.]", "expected a digit, found `]` (byte 3, in `/0`)"),
        ("[+1]", "expected a value, found `+` (byte 1, in `/0`)"),
        ("NaN", "expected a value, found `N` (byte 0)"),
        ("'a'", "expected a value, found `\\'` (byte 0)"),
        (
            "\"a\nb\"",
            "a control character in a string must be escaped (byte 2)",
        ),
        (
            "\"\\ud800\"",
            "a string holds an escape that stands for no character (byte 0)",
        ),
        (
            "\"\\x\"",
            "a string holds an escape that stands for no character (byte 0)",
        ),
        ("\"\\", "the JSON ends too early (byte 2)"),
        ("\u{a0}1", "expected a value, found `\\u{a0}` (byte 0)"),
    ] {
        assert_eq!(refusal(text), message, "{text:?}");
    }
    let not_utf8 = parse(b"{\"a\": \"\xff\"}").unwrap_err();
    assert_eq!((not_utf8.problem, not_utf8.byte), (Problem::NotUtf8, 7));
}

#[test]
fn sixty_four_levels_are_read_and_one_more_is_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAXIMUM_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        parse(nested(MAXIMUM_DEPTH + 1).as_bytes())
            .unwrap_err()
            .problem,
        Problem::TooDeep
    );
    assert_eq!(
        parse("[".repeat(1_000_000).as_bytes()).unwrap_err().problem,
        Problem::TooDeep
    );
    let objects = r#"{"a":"#.repeat(1_000_000);
    assert_eq!(
        parse(objects.as_bytes()).unwrap_err().problem,
        Problem::TooDeep
    );
}

#[test]
fn a_hostile_key_is_shown_short_and_without_control_characters() {
    let key = format!("\\u001b[31m{}", "x".repeat(500));
    let message = refusal(&format!(r#"{{"{key}": 1, "{key}": 2}}"#));
    assert!(message.len() < 200, "{message}");
    assert!(message.starts_with("the key `\\u{1b}[31mxxx"), "{message}");
}

#[test]
fn canonical_text_sorts_keys_at_every_depth() {
    let value = json!({"b": [{"z": 1, "a": "é\n"}], "a": 0.5});
    assert_eq!(canonical(&value), r#"{"a":0.5,"b":[{"a":"é\n","z":1}]}"#);
}

#[test]
fn a_pointer_finds_and_takes_out() {
    let mut value = json!({"a/b": {"~": [1, 2]}, "keep": true});
    let pointer = Pointer::parse("/a~1b/~0/0").unwrap();
    assert_eq!(pointer.find(&value), Some(&json!(1)));
    assert_eq!(pointer.remove(&mut value), Some(json!(1)));
    assert_eq!(value, json!({"a/b": {"~": [null, 2]}, "keep": true}));
    assert_eq!(
        Pointer::parse("/a~1b").unwrap().remove(&mut value),
        Some(json!({"~": [null, 2]}))
    );
    assert_eq!(value, json!({"keep": true}));
    assert_eq!(
        Pointer::parse("/keep/deeper").unwrap().remove(&mut value),
        None
    );
}

#[test]
fn a_pointer_puts_where_there_is_nothing_and_replaces_nothing_on_the_way() {
    let put = |value: Value, at: &str| {
        let mut value = value;
        let pointer = Pointer::parse(at).unwrap();
        pointer.put(&mut value, json!(1)).then_some(value)
    };
    assert_eq!(put(json!({}), "/a~1b/0"), Some(json!({"a/b": {"0": 1}})));
    assert_eq!(
        put(json!({"a": null}), "/a/b"),
        Some(json!({"a": {"b": 1}}))
    );
    assert_eq!(
        put(json!({"a": [7, {}]}), "/a/1/b"),
        Some(json!({"a": [7, {"b": 1}]}))
    );
    assert_eq!(put(json!({"a": "b"}), "/a"), Some(json!({"a": 1})));
    assert_eq!(put(json!({"a": 1}), ""), Some(json!(1)));
    assert_eq!(put(json!({"a": "b"}), "/a/b"), None);
    assert_eq!(put(json!({"a": []}), "/a/0"), None);
}

#[test]
fn a_text_that_is_no_pointer_is_refused() {
    assert_eq!(
        Pointer::parse("intent"),
        Err(InvalidPointer::Relative("intent".into()))
    );
    assert_eq!(
        Pointer::parse("/a~2"),
        Err(InvalidPointer::Escape("/a~2".into()))
    );
    assert_eq!(
        Pointer::parse("/a~"),
        Err(InvalidPointer::Escape("/a~".into()))
    );
}

fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite, not negative zero", |f| f.is_finite()
                && f.to_bits() != (-0.0_f64).to_bits())
            .prop_map(Value::from),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any_number(),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_the_same(value in any_value()) {
        prop_assert_eq!(parse(value.to_string().as_bytes()), Ok(value.clone()));
        prop_assert_eq!(parse(serde_json::to_string_pretty(&value).unwrap().as_bytes()), Ok(value.clone()));
        prop_assert_eq!(parse(canonical(&value).as_bytes()), Ok(value));
    }

    #[test]
    fn nothing_is_taken_that_serde_json_refuses(text in "[\\[\\]{}:,\"\\\\ 0-9eE+.tfn\\-a-zé\u{0}-\u{20}]{0,40}") {
        if let Ok(value) = parse(text.as_bytes()) {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            let as_ours = parse(theirs.to_string().as_bytes()).unwrap();
            prop_assert_eq!(canonical(&value), canonical(&as_ours));
        }
    }

    #[test]
    fn a_key_given_twice_is_always_refused(
        members in prop::collection::btree_map("[a-z]{1,4}", any_value(), 1..6),
        chosen in any::<prop::sample::Index>(),
        depth in 0_usize..5,
    ) {
        let twice = chosen.get(&members.keys().cloned().collect::<Vec<_>>()).clone();
        let written: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let object = format!("{{{},\"{twice}\":1}}", written.join(","));
        let body = format!("{}{object}{}", "[".repeat(depth), "]".repeat(depth));
        prop_assert_eq!(parse(body.as_bytes()).unwrap_err().problem, Problem::DuplicateKey { key: twice });
    }

    #[test]
    fn no_bytes_make_it_fail_other_than_by_refusing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
