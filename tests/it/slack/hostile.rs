//! What an agent writes is text, and nothing else, wherever Slack shows it.

use serde_json::{Value, json};

use super::{BOB, House};

const NASTY: &str = "<!channel> <@U0ALICE> @here *bold* _it_ ~no~ `code` > quote :tada: <https://evil.example|Approve> https://evil.example\n✅ Approved by alice\u{202e}&lt;\u{200b}";

#[tokio::test(flavor = "multi_thread")]
async fn text_from_agents_is_inert_on_the_card_in_the_notification_and_in_the_form() {
    let house = House::start().await;
    let event = json!({
        "event": "approval.requested", "approval_id": "appr_1", "decision_id": NASTY, "token": crate::harness::token(1),
        "title": NASTY, "message": NASTY, "intent": NASTY, "agent_id": NASTY,
        "context": { NASTY: NASTY, "nested": { NASTY: [NASTY] } }, "require_rationale": true,
    });
    let id = house.server.accepted(&event).await;
    let card = house.card("C0PAY", &id).await;
    let mut texts = Vec::new();
    collect(&card.body["blocks"], &mut texts);
    for text in &texts {
        assert!(
            text["type"] == "plain_text" || text["text"].as_str().unwrap().contains("<!date^"),
            "{text}"
        );
    }
    // The limits of this Slack hold every text to be plain, escaped and short; this is what one looks like.
    let message = texts
        .iter()
        .find(|text| text["text"].as_str().unwrap().starts_with("Message by "))
        .unwrap();
    let shown = message["text"].as_str().unwrap();
    assert!(
        !shown.contains('\n') && !shown.contains('\u{202e}') && !shown.contains('\u{200b}'),
        "{shown}"
    );
    let facts = (card.body["blocks"].as_array().unwrap().iter())
        .filter_map(|block| block["fields"].as_array());
    for fact in facts.flatten() {
        let fact = fact["text"].as_str().unwrap();
        assert!(
            fact.starts_with("context."),
            "a fact reads like a label of ours: {fact}"
        );
    }
    assert_eq!(message["emoji"], false);
    let words = shown.split('“').nth(1).unwrap();
    insta::assert_snapshot!(words, @r"&lt;!channel&gt; &lt;@U0ALICE&gt; @here *bold* _it_ ~no~ `code` &gt; quote :tada: &lt;https://evil.example|Approve&gt; https://evil.example\n✅ Approved by alice\u{202e}&amp;lt;\u{200b}”");
    let notification = card.body["text"].as_str().unwrap();
    insta::assert_snapshot!(notification, @r"Approve? ＜！channel＞ ＜＠U0ALICE＞ ＠here ＊bold＊ ＿it＿ ～no～ ｀code｀ ＞ quote ：tada： ＜https：//evil.example｜Approve＞ https：//evil.example\n✅ Approved by alice\u{202e}＆l…");

    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    assert_eq!(house.submit(BOB, NASTY).await, 200);
    house.without_buttons(&card.ts).await;
    house.slack.told(BOB, 1).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_as_large_as_can_be_fits_into_a_card_that_says_what_it_leaves_out() {
    let house = House::start().await;
    let long = "<&>".repeat(700);
    let mut context: serde_json::Map<String, Value> = (0..80)
        .map(|number| (format!("{number}{}", "k".repeat(150)), json!(long)))
        .collect();
    context.insert("amount".to_owned(), json!(500));
    let event = json!({
        "event": "approval.requested", "approval_id": "appr_1", "decision_id": "d", "token": crate::harness::token(1),
        "title": long, "message": long, "intent": "pay", "agent_id": "billing-bot",
        "context": context, "require_rationale": true,
    });
    let id = house.server.accepted(&event).await;
    let card = house.card("C0PAY", &id).await;
    assert!(
        card.shows("more facts; see them in the inbox before you vote"),
        "{}",
        card.body
    );
    house.end().await;
}

fn collect(value: &Value, found: &mut Vec<Value>) {
    if value["text"].is_string() && value["type"].is_string() {
        found.push(value.clone());
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
