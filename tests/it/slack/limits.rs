//! What Slack takes, as its documentation says.
//!
//! - <https://docs.slack.dev/reference/block-kit/blocks>: 50 blocks in a message, 100 in a modal
//! - <https://docs.slack.dev/reference/block-kit/blocks/header-block>: `plain_text`, 150 characters
//! - <https://docs.slack.dev/reference/block-kit/blocks/section-block>: 3000 characters, 10 fields of 2000
//! - <https://docs.slack.dev/reference/block-kit/blocks/context-block>: 10 elements
//! - <https://docs.slack.dev/reference/block-kit/blocks/actions-block>: 25 elements
//! - <https://docs.slack.dev/reference/block-kit/block-elements/button-element>: text 75, value 2000, URL 3000, `action_id` 255
//! - <https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element>: `max_length` to 3000
//! - <https://docs.slack.dev/reference/views/modal-views>: title, submit and close 24, `private_metadata` 3000

use std::collections::BTreeSet;

use serde_json::Value;

/// Everything that is wrong with the body of a call.
pub fn faults(method: &str, body: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            faults.push(format!("{method}: {what}"));
        }
    };
    let (blocks, most) = match method {
        "views.open" => (&body["view"]["blocks"], 100),
        _ => (&body["blocks"], 50),
    };
    let Some(blocks) = blocks.as_array() else {
        return vec![format!("{method}: no blocks")];
    };
    check(
        (1..=most).contains(&blocks.len()),
        format!("{} blocks", blocks.len()),
    );
    // Slack refuses more than about 13,200 characters of blocks with `msg_blocks_too_long`.
    check(
        Value::from(blocks.clone()).to_string().len() < 40_000,
        "too long".to_owned(),
    );
    if method == "chat.postMessage" {
        for (key, value) in [
            ("unfurl_links", false),
            ("unfurl_media", false),
            ("mrkdwn", false),
        ] {
            check(body[key] == value, format!("{key} is {}", body[key]));
        }
    }
    if method == "views.open" {
        let view = &body["view"];
        for key in ["title", "submit", "close"] {
            text(&view[key], 24, &mut check);
        }
        let carried = view["private_metadata"].as_str().unwrap_or_default();
        check(
            !carried.is_empty() && carried.len() <= 3000,
            "private_metadata".to_owned(),
        );
        check(
            !body["trigger_id"].as_str().unwrap_or_default().is_empty(),
            "trigger_id".to_owned(),
        );
    } else {
        let text = body["text"].as_str().unwrap_or_default();
        check(
            !text.is_empty() && text.len() < 4000,
            "the text beside the blocks".to_owned(),
        );
        // Links of ours stand as they are, and so do our own words, which have no colon but before what they say.
        let words = text.split(' ').filter(|word| !word.starts_with("http"));
        let markup = |word: &str| {
            let word = word.strip_suffix(':').unwrap_or(word);
            word.contains(['<', '>', '&', '*', '@', ':'])
        };
        check(!words.into_iter().any(markup), format!("markup in {text}"));
        check(
            body["parse"] == "none" && body["link_names"] == false,
            "it is parsed".to_owned(),
        );
    }
    let mut actions = BTreeSet::new();
    for block in blocks {
        match block["type"].as_str().unwrap_or_default() {
            "header" => text(&block["text"], 150, &mut check),
            "section" => match block["fields"].as_array() {
                Some(fields) => {
                    check(
                        (1..=10).contains(&fields.len()),
                        format!("{} fields", fields.len()),
                    );
                    for field in fields {
                        text(field, 2000, &mut check);
                    }
                }
                None => text(&block["text"], 3000, &mut check),
            },
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                check((1..=10).contains(&elements.len()), "elements".to_owned());
                for element in elements {
                    if element["type"] == "mrkdwn" {
                        date(element, &mut check);
                    } else {
                        text(element, 3000, &mut check);
                    }
                }
            }
            "actions" => {
                let elements = block["elements"].as_array().unwrap();
                check((1..=25).contains(&elements.len()), "elements".to_owned());
                for button in elements {
                    check(
                        button["type"] == "button",
                        "an element that is no button".to_owned(),
                    );
                    text(&button["text"], 75, &mut check);
                    let action = button["action_id"].as_str().unwrap_or_default();
                    check(
                        actions.insert(action.to_owned()),
                        format!("two buttons {action}"),
                    );
                    check(
                        !action.is_empty() && action.len() <= 255,
                        "action_id".to_owned(),
                    );
                    let length = |key: &str| button[key].as_str().map_or(0, str::len);
                    check(
                        length("value") <= 2000 && length("url") <= 3000,
                        "value or url".to_owned(),
                    );
                    check(
                        (length("value") > 0) != (length("url") > 0),
                        "value and url".to_owned(),
                    );
                }
            }
            "input" => {
                text(&block["label"], 2000, &mut check);
                let most = block["element"]["max_length"].as_u64().unwrap_or(u64::MAX);
                check(most <= 3000, "max_length".to_owned());
            }
            other => check(false, format!("a block of type {other}")),
        }
    }
    faults
}

fn text(object: &Value, most: usize, check: &mut impl FnMut(bool, String)) {
    let text = object["text"].as_str().unwrap_or_default();
    check(
        object["type"] == "plain_text",
        format!("not plain: {object}"),
    );
    check(object["emoji"] == false, format!("emoji: {object}"));
    let length = text.encode_utf16().count();
    check(
        (1..=most).contains(&length),
        format!("{length} of {most} characters"),
    );
    check(!text.contains(['<', '>']), format!("not escaped: {text}"));
}

/// The only text with markup: a date, of which nothing comes from anybody else.
fn date(object: &Value, check: &mut impl FnMut(bool, String)) {
    let text = object["text"].as_str().unwrap_or_default();
    let rest = text.strip_prefix("Open until ").unwrap_or(text);
    let allowed = |character: char| {
        character.is_ascii_digit() || "<!date^{}_shortpreyim, |-:TZ>".contains(character)
    };
    check(
        rest.starts_with("<!date^") && rest.chars().all(allowed),
        format!("no date: {text}"),
    );
    check(object["verbatim"] == true, "it is parsed".to_owned());
}
