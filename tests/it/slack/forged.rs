//! What is not Slack's, or not new, does nothing.

use countersign::identity::Purpose;
use serde_json::json;

use super::{
    BOB, CAROL, House, KEY, OLD_SIGNING, SIGNING, at, clicked, form, sealed, sign, stamp,
    submitted, unsealed,
};

/// The stamp of a moment this many seconds before `stamp`.
fn earlier(stamp: &str, seconds: i64) -> String {
    (stamp.parse::<i64>().unwrap() - seconds).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_did_not_sign_just_now_is_refused() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    let body = form(&clicked(BOB, &card, "countersign_approve"));
    let now = stamp();
    let right = sign(SIGNING, &now, &body);
    let (old, ahead) = (earlier(&now, 301), earlier(&now, -360));
    let (by_old, by_ahead) = (sign(SIGNING, &old, &body), sign(SIGNING, &ahead, &body));
    let (of_other, of_token) = (
        sign(SIGNING, &now, "payload=%7B%7D"),
        sign(super::TOKEN, &now, &body),
    );
    let hex = right.trim_start_matches("v0=");
    let bare = format!("v1={hex}");
    let short = right[..right.len() - 2].to_owned();
    let next = earlier(&now, -1);
    let at = |stamp, signature| at(stamp, signature).to_vec();
    for headers in [
        vec![],
        vec![("x-slack-signature", right.as_str())],
        vec![("x-slack-request-timestamp", now.as_str())],
        at(&now, ""),
        at(&now, "v0="),
        at(&now, hex),
        at(&now, &bare),
        at(&now, &short),
        at(&now, &of_other),
        at(&now, &of_token),
        at(&old, &by_old),
        at(&ahead, &by_ahead),
        at(&next, &right),
        [at(&now, &right), at(&now, &right)].concat(),
    ] {
        assert_eq!(house.send_raw(&body, &headers).await, 401, "{headers:?}");
    }
    house.is_untouched(&id).await;
    assert!(house.slack.whispers().is_empty());
    assert_eq!(house.slack.calls("users.info"), 0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_being_exchanged_still_signs() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    let (body, now) = (form(&clicked(BOB, &card, "countersign_approve")), stamp());
    assert_eq!(house.signed(&body, &now, OLD_SIGNING).await, 200);
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_request_is_answered_and_does_nothing_however_and_whenever_it_is_signed() {
    let house = House::start().await;
    let (_, card) = house.carded(5_000).await;
    let (body, now) = (form(&clicked(BOB, &card, "countersign_approve")), stamp());
    let signature = sign(SIGNING, &now, &body);
    let capitals = format!("v0={}", signature.trim_start_matches("v0=").to_uppercase());
    for signature in [&signature, &signature, &capitals] {
        let headers = at(&now, signature);
        assert_eq!(house.send_raw(&body, &headers).await, 200);
    }
    assert_eq!(house.signed(&body, &now, OLD_SIGNING).await, 200);
    for seconds in [30, -30] {
        let stamp = earlier(&now, seconds);
        assert_eq!(house.signed(&body, &stamp, SIGNING).await, 200);
    }
    house.slack.told(BOB, 1).await;
    // Whatever the copies did would be done before this one, which is sent after them.
    assert_eq!(house.click(CAROL, &card, "countersign_reject").await, 200);
    house.opened(CAROL).await;
    assert_eq!(house.slack.calls("users.info"), 1);
    assert_eq!(house.slack.whispers().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_that_is_none_of_ours_is_refused_or_does_nothing() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    let good = clicked(BOB, &card, "countersign_approve");
    let twice = format!("{0}&{0}", form(&good));
    let key_twice = form(&good).replacen("%7B", "%7B%22type%22%3A%22block_actions%22%2C", 1);
    for body in [
        "",
        "payload=",
        "payload=%7B",
        "other=%7B%7D",
        "{}",
        &twice,
        &key_twice,
    ] {
        assert_eq!(house.signed(body, &stamp(), SIGNING).await, 400, "{body}");
    }
    let with = |pointer: &str, value: serde_json::Value| {
        let mut payload = good.clone();
        *payload.pointer_mut(pointer).unwrap() = value;
        payload
    };
    for payload in [
        with("/user/id", json!("U0BOB&user=U0ALICE")),
        with("/user/id", json!(null)),
        with("/container/channel_id", json!("../x")),
        with("/container/message_ts", json!("1 2")),
        with("/trigger_id", json!("")),
        with("/actions", json!([])),
        with("/actions", json!([good["actions"][0], good["actions"][0]])),
        with("/actions/0/value", json!(null)),
    ] {
        assert_eq!(house.send(&payload).await, 400, "{payload}");
    }
    for payload in [
        with("/type", json!("shortcut")),
        with("/actions/0/action_id", json!("countersign_open")),
        json!({ "type": "view_closed" }),
        json!({ "type": "view_submission", "view": { "callback_id": "of_another" } }),
    ] {
        assert_eq!(house.send(&payload).await, 200, "{payload}");
    }
    house.is_untouched(&id).await;
    assert!(house.slack.whispers().is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_click_with_a_value_that_we_did_not_seal_for_it_counts_for_nothing_and_is_told_so()
{
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    let good = clicked(BOB, &card, "countersign_approve");
    let value = good["actions"][0]["value"].clone();
    let content = unsealed(&value);
    let plain = content["choice"].to_string();
    let older = sealed(&[8; 32], Purpose::SlackButton, &id, &content);
    let of_form = sealed(&KEY, Purpose::SlackForm, &id, &content);
    let reject = card.button("countersign_reject").unwrap()["value"].clone();
    let bare = value
        .as_str()
        .unwrap()
        .split_once('.')
        .unwrap()
        .1
        .to_owned();
    let mut cut = value.as_str().unwrap().to_owned();
    cut.pop();
    let forgeries = [
        ("/actions/0/value", json!(plain)),
        ("/actions/0/value", json!("approve")),
        ("/actions/0/value", json!(older)),
        ("/actions/0/value", json!(of_form)),
        ("/actions/0/value", json!(bare)),
        ("/actions/0/value", json!(cut)),
        ("/actions/0/value", reject),
        ("/actions/0/action_id", json!("countersign_reject")),
        ("/container/channel_id", json!("C0MAN")),
        ("/channel/id", json!("C0MAN")),
    ];
    for (number, (pointer, forged)) in forgeries.into_iter().enumerate() {
        let mut payload = clicked(BOB, &card, "countersign_approve");
        *payload.pointer_mut(pointer).unwrap() = forged;
        assert_eq!(house.send(&payload).await, 200, "{payload}");
        let told = house.slack.told(BOB, number + 1).await;
        assert!(
            told.starts_with("Your vote does not count") && told.contains("/cases"),
            "{told}"
        );
    }
    // Nobody is even asked who that was.
    assert_eq!(house.slack.calls("users.info"), 0);
    assert!(house.slack.views().is_empty());
    house.is_untouched(&id).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_an_earlier_key_leads_to_the_page_of_its_case() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    let mut earlier = clicked(BOB, &card, "countersign_approve");
    let value = &mut earlier["actions"][0]["value"];
    *value = json!(sealed(
        &[8; 32],
        Purpose::SlackButton,
        &id,
        &unsealed(value)
    ));
    assert_eq!(house.send(&earlier).await, 200);
    let told = house.slack.told(BOB, 1).await;
    let page = format!("/cases/{id}");
    assert!(
        told.contains("before its key was changed. Open the case page") && told.ends_with(&page),
        "{told}"
    );
    // Text of this kind is no link in Slack, so a button is beside it.
    let link = house.slack.whispers().remove(0).link.unwrap();
    assert!(link.starts_with("http") && told.ends_with(&link), "{link}");
    house.is_untouched(&id).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_sealed_counts_on_the_card_that_stands_and_while_its_team_is_asked() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    house.settled().await;
    let click = clicked(BOB, &card, "countersign_approve");
    let content = unsealed(&click["actions"][0]["value"]);
    let other = format!("case_{}", "0".repeat(32));
    let changes = [
        ("/choice/shown", json!("0".repeat(64)), "has changed since"),
        ("/choice/team", json!("managers"), "has changed since"),
        ("/choice/case", json!(other), "there is no case"),
    ];
    for (number, (pointer, value, why)) in changes.into_iter().enumerate() {
        let mut content = content.clone();
        *content.pointer_mut(pointer).unwrap() = value;
        let case = content["choice"]["case"].as_str().unwrap();
        let mut payload = clicked(BOB, &card, "countersign_approve");
        let sealed = sealed(&KEY, Purpose::SlackButton, case, &content);
        payload["actions"][0]["value"] = json!(sealed);
        assert_eq!(house.send(&payload).await, 200);
        let told = house.slack.told(BOB, number + 1).await;
        assert!(told.contains(why), "{told}");
    }
    // A button of the card on another message of ours in the same channel.
    let mut moved = clicked(BOB, &card, "countersign_approve");
    moved["container"]["message_ts"] = json!("1700000000.000000");
    assert_eq!(house.send(&moved).await, 200);
    let told = house.slack.told(BOB, 4).await;
    assert!(
        told.contains("not the card that is kept up to date"),
        "{told}"
    );
    house.is_untouched(&id).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_counts_for_whoever_opened_it_and_stays_open_when_it_does_not() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    let view = house.opened(BOB).await;
    let mut older = view.clone();
    older["private_metadata"] = json!(format!("{id}.of-another-key"));
    let mut button = view.clone();
    button["private_metadata"] = card.button("countersign_reject").unwrap()["value"].clone();
    for (user, view) in [(CAROL, &view), (BOB, &older), (BOB, &button)] {
        let body = form(&submitted(user, view, "no"));
        let now = stamp();
        let signature = sign(SIGNING, &now, &body);
        let (status, told) = house.answered(&body, &at(&now, &signature)).await;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!((status, &told["response_action"]), (200, &json!("errors")));
        let said = told["errors"]["reason"].as_str().unwrap();
        assert!(
            said.starts_with("Your vote does not count") && said.ends_with(&id),
            "{said}"
        );
    }
    house.is_untouched(&id).await;
    assert_eq!(house.submit(BOB, "no").await, 200);
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_not_read() {
    let house = House::start().await;
    let body = format!("payload={}", "x".repeat(600 * 1024));
    assert_eq!(house.send_raw(&body, &[]).await, 413);
    house.end().await;
}
