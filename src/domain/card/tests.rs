use serde_json::json;

use super::*;
use crate::domain::case::tests::{asked, at, terms, verdict};
use crate::domain::verdict::Outcome;

fn card(input: &Value) -> Card {
    let case = Case::decided(asked(), verdict(Outcome::Escalate), &terms(), at(0)).case;
    Card::of(&case, Some(input))
}

#[test]
fn facts_are_spread_out_under_their_paths() {
    let shown = card(&json!({ "context": {
        "amount": 120, "customer": { "name": "Ada", "tags": ["vip", 1] }, "note": null, "empty": {},
        "a": { "b": { "c": { "d": 1 } } },
    } }));
    let fields: Vec<_> = (shown.fields.iter())
        .map(|field| format!("{} = {}", field.path, field.value))
        .collect();
    assert_eq!(
        fields,
        [
            "context.amount = 120",
            "context.customer.name = Ada",
            r#"context.customer.tags = ["vip",1]"#,
            "context.note = null",
            "context.empty = {}",
            r#"context.a.b.c = {"d":1}"#,
        ]
    );
}

#[test]
fn nothing_that_an_agent_wrote_can_hide_or_turn_the_text_around_it() {
    let shown = card(&json!({
        "title": "pay\u{202e}001", "message": "line\nline\u{200b}",
        "context": { "k\u{2066}ey": "v\u{7}alue" },
    }));
    assert_eq!(shown.title.as_deref(), Some(r"pay\u{202e}001"));
    assert_eq!(shown.message.as_deref(), Some(r"line\nline\u{200b}"));
    assert_eq!(shown.fields[0].path, r"context.k\u{2066}ey");
    assert_eq!(shown.fields[0].value, r"v\u{7}alue");
}

#[test]
fn more_facts_than_anybody_reads_are_counted() {
    let context: serde_json::Map<_, _> = (0..100)
        .map(|number| (format!("key {number}"), json!(number)))
        .collect();
    let shown = card(&json!({ "context": context }));
    assert_eq!((shown.fields.len(), shown.more_fields), (MOST_FIELDS, 40));
}

#[test]
fn a_key_cannot_look_like_the_path_of_another_fact() {
    let shown = card(&json!({ "context": {
        "payment": { "amount": 5000 }, "payment.amount": 5, "\"payment": { "amount\"": 5 },
    } }));
    let mut paths: Vec<_> = shown.fields.iter().map(|field| &*field.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            r#"context."\"payment"."amount\"""#,
            r#"context."payment.amount""#,
            "context.payment.amount"
        ]
    );
}

#[test]
fn facts_that_are_not_listed_are_counted_without_being_written_out() {
    let context: Vec<_> = (0..200_000)
        .map(|number| format!("\"{number:06}\":0"))
        .collect();
    let context = format!("{{\"context\":{{\"deep\":{{{}}}}}}}", context.join(","));
    let shown = card(&serde_json::from_str(&context).unwrap());
    assert_eq!((shown.fields.len(), shown.more_fields), (60, 199_940));
    assert!(shown.fields.capacity() < 1000);
}

#[test]
fn no_key_of_an_agent_reads_like_a_label_of_ours() {
    let keys = ["Action", "Agent", "Asked by", "Decide here", "context"];
    let context: serde_json::Map<_, _> = keys
        .map(|key| (key.to_owned(), json!(1)))
        .into_iter()
        .collect();
    for context in [json!(context), json!({}), json!("Action: pay")] {
        for field in card(&json!({ "context": context })).fields {
            let rest = field.path.strip_prefix("context").unwrap();
            assert!(rest.is_empty() || rest.starts_with('.'), "{}", field.path);
        }
    }
}
