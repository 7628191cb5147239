//! What is not Slack's, or not new, does nothing.

use serde_json::json;

use super::{BOB, CAROL, House, OLD_SIGNING, SIGNING, clicked, form, sign, stamp};

/// The stamp of a moment this many seconds before `stamp`.
fn earlier(stamp: &str, seconds: i64) -> String {
    (stamp.parse::<i64>().unwrap() - seconds).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_did_not_sign_just_now_is_refused() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
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
    let at = |stamp: &str, signature: &str| {
        vec![
            ("x-slack-request-timestamp", stamp.to_owned()),
            ("x-slack-signature", signature.to_owned()),
        ]
    };
    for headers in [
        vec![],
        vec![("x-slack-signature", right.clone())],
        vec![("x-slack-request-timestamp", now.clone())],
        at(&now, ""),
        at(&now, "v0="),
        at(&now, hex),
        at(&now, &bare),
        at(&now, &short),
        at(&now, &of_other),
        at(&now, &of_token),
        at(&old, &by_old),
        at(&ahead, &by_ahead),
        at(&earlier(&now, -1), &right),
        [at(&now, &right), at(&now, &right)].concat(),
    ] {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(house.send_raw(&body, &headers).await, 401, "{headers:?}");
    }
    assert_eq!(house.verdict(&id).await["votes"], json!([]));
    assert!(house.slack.whispers().is_empty());
    assert_eq!(house.slack.calls("users.info"), 0);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_being_exchanged_still_signs() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
    let (body, now) = (form(&clicked(BOB, &card, "countersign_approve")), stamp());
    let signature = sign(OLD_SIGNING, &now, &body);
    let headers = [
        ("x-slack-request-timestamp", now.as_str()),
        ("x-slack-signature", &signature),
    ];
    assert_eq!(house.send_raw(&body, &headers).await, 200);
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_request_is_answered_and_does_nothing_however_and_whenever_it_is_signed() {
    let house = House::start().await;
    let id = house.asked(1, json!(5_000), false).await;
    let card = house.card("C0PAY", &id).await;
    let (body, now) = (form(&clicked(BOB, &card, "countersign_approve")), stamp());
    let signature = sign(SIGNING, &now, &body);
    let capitals = format!("v0={}", signature.trim_start_matches("v0=").to_uppercase());
    let other = sign(OLD_SIGNING, &now, &body);
    let (before, after) = (earlier(&now, 30), earlier(&now, -30));
    let (by_before, by_after) = (sign(SIGNING, &before, &body), sign(SIGNING, &after, &body));
    for (stamp, signature) in [
        (&now, &signature),
        (&now, &signature),
        (&now, &capitals),
        (&now, &other),
        (&before, &by_before),
        (&after, &by_after),
    ] {
        let headers = [
            ("x-slack-request-timestamp", stamp.as_str()),
            ("x-slack-signature", signature),
        ];
        assert_eq!(house.send_raw(&body, &headers).await, 200);
    }
    house.slack.told(BOB, 1).await;
    // Whatever the copies did would be done before this one, which is sent after them.
    assert_eq!(house.click(CAROL, &card, "countersign_reject").await, 200);
    crate::harness::eventually("a form is open", async || house.slack.views().pop()).await;
    assert_eq!(house.slack.calls("users.info"), 1);
    assert_eq!(house.slack.whispers().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_that_is_none_of_ours_is_refused_or_does_nothing() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
    let good = clicked(BOB, &card, "countersign_approve");
    let signed = async |body: &str| {
        let now = stamp();
        let signature = sign(SIGNING, &now, body);
        let headers = [
            ("x-slack-request-timestamp", now.as_str()),
            ("x-slack-signature", &signature),
        ];
        house.send_raw(body, &headers).await
    };
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
        assert_eq!(signed(body).await, 400, "{body}");
    }
    let with = |pointer: &str, value: serde_json::Value| {
        let mut payload = good.clone();
        *payload.pointer_mut(pointer).unwrap() = value;
        payload
    };
    let value = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut choice =
            serde_json::from_str(good["actions"][0]["value"].as_str().unwrap()).unwrap();
        change(&mut choice);
        with("/actions/0/value", json!(choice.to_string()))
    };
    for payload in [
        with("/user/id", json!("U0BOB&user=U0ALICE")),
        with("/user/id", json!(null)),
        with("/container/channel_id", json!("../x")),
        with("/container/message_ts", json!("1 2")),
        with("/trigger_id", json!("")),
        with("/actions", json!([])),
        with("/actions", json!([good["actions"][0], good["actions"][0]])),
        with("/actions/0/value", json!("approve")),
        with("/actions/0/action_id", json!("countersign_reject")),
        value(&|choice| choice["shown"] = json!("00")),
        value(&|choice| choice["case"] = json!("case_1")),
        value(&|choice| choice["by"] = json!("alice")),
        value(&|choice| choice["vote"] = json!("reject")),
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
    // A digest or a case that somebody made up.
    let stale = value(&|choice| choice["shown"] = json!("0".repeat(64)));
    assert_eq!(house.send(&stale).await, 200);
    assert!(house.slack.told(BOB, 1).await.contains("has changed since"));
    let unknown = value(&|choice| choice["case"] = json!(format!("case_{}", "0".repeat(32))));
    assert_eq!(house.send(&unknown).await, 200);
    assert!(house.slack.told(BOB, 2).await.contains("there is no case"));
    let verdict = house.verdict(&id).await;
    assert_eq!(
        (&verdict["state"], &verdict["votes"]),
        (&json!("open"), &json!([]))
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_not_read() {
    let house = House::start().await;
    let body = format!("payload={}", "x".repeat(600 * 1024));
    assert_eq!(house.send_raw(&body, &[]).await, 413);
    house.end().await;
}
