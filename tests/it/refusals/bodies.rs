//! Bodies that are properly signed, and still nothing that could be decided on.

use serde_json::{Value, json};

use super::child::run;
use super::{TM, Told, entries, nothing_is_stored, post, refused, server};
use crate::harness::{AGENT, Countersign, SECRET, VIEWER, answer, requested, signature};

const MEBIBYTE: usize = 1024 * 1024;
const MALFORMED: (u16, &str, &str) = (400, "malformed", "malformed");

/// The body of a good request, with `context` as its context, written as it is.
fn with_context(context: &str) -> Vec<u8> {
    let mut event = requested(1, json!(50));
    event["context"] = json!("CONTEXT");
    let text = event.to_string();
    text.replace("\"CONTEXT\"", context).into_bytes()
}

async fn refused_as_malformed(server: &Countersign, body: impl Into<Vec<u8>>) -> Told {
    let body = body.into();
    let signed = signature(SECRET, &body);
    let headers = [("X-TraceMem-Signature", signed.as_bytes())];
    let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    let told = refused(server, TM, body, &headers, MALFORMED).await;
    let detail = told.body["detail"].as_str().unwrap();
    assert!(
        !detail.is_empty() && detail.len() < 500,
        "{shown}: {detail}"
    );
    told
}

async fn accepted(server: &Countersign, body: Vec<u8>, headers: &[(&str, &[u8])]) -> Value {
    let signed = signature(SECRET, &body);
    let headers = [&[("X-TraceMem-Signature", signed.as_bytes())], headers].concat();
    let told = post(server, TM, body, &headers).await;
    assert_eq!((told.status, told.word()), (200, "accepted"), "{told:?}");
    told.body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_object_is_refused() {
    let server = server().await;
    let good = requested(1, json!(50)).to_string();
    for body in [
        "",
        " \r\n\t",
        "[]",
        "[{}]",
        "\"approval.requested\"",
        "null",
        "true",
        "42",
        "{",
        "}",
        "{'a': 1}",
        "{\"a\": 1,}",
        "{\"a\"}",
        "{a: 1}",
        "NaN",
        "undefined",
        "event=approval.requested&approval_id=appr_1",
    ] {
        refused_as_malformed(&server, body).await;
    }
    for body in [
        format!("[{good}]"),
        json!(good).to_string(),
        format!("\u{feff}{good}"),
        format!("{good} {good}"),
        format!("{good}\0"),
        format!("{good}//"),
        format!("{good}]"),
        format!("/* */{good}"),
        good[..good.len() - 1].to_owned(),
    ] {
        refused_as_malformed(&server, body).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf_8_is_refused() {
    let server = server().await;
    let good = requested(1, json!(50)).to_string();
    let utf_16 = |bytes: fn(u16) -> [u8; 2]| good.encode_utf16().flat_map(bytes).collect();
    let bodies: [Vec<u8>; 8] = [
        with_context("{\"amount\": 50, \"note\": \"#\"}")
            .iter()
            .map(|&byte| if byte == b'#' { 0xff } else { byte })
            .collect(),
        // Latin 1, an overlong slash, a surrogate, a sequence that is cut.
        good.replace("please", "\u{1}")
            .into_bytes()
            .iter()
            .map(|&byte| if byte == 1 { 0xe9 } else { byte })
            .collect(),
        [b"{\"a\": \"".as_slice(), b"\xc0\xaf", b"\"}"].concat(),
        [b"{\"a\": \"".as_slice(), b"\xed\xa0\x80", b"\"}"].concat(),
        [b"{\"a\": \"".as_slice(), b"\xe2\x82", b"\"}"].concat(),
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        // Half a surrogate pair as an escape is UTF-8, and still no text.
        with_context(r#"{"amount": 50, "note": "\ud800"}"#),
    ];
    for body in bodies {
        refused_as_malformed(&server, body).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_given_twice_is_refused_wherever_and_however_it_is_written() {
    let server = server().await;
    let good = requested(1, json!(50)).to_string();
    let twice_at_the_top = good.replacen('{', "{\"approval_id\": \"appr_2\",", 1);
    for body in [
        twice_at_the_top.into_bytes(),
        with_context(r#"{"amount": 50, "amount": 5000}"#),
        with_context(r#"{"amount": 50, "amount": 50}"#),
        with_context(r#"{"amount": 50, "deep": [{"a": 1, "b": 2, "a": 1}]}"#),
        // Equal once the escapes are read.
        with_context(r#"{"amount": 50, "\u0061mount": 5000}"#),
        with_context(r#"{"\u0061\u006d\u006f\u0075\u006e\u0074": 5000, "amount": 50}"#),
        with_context(r#"{"amount": 50, "a/b": 1, "a\/b": 2}"#),
        with_context(r#"{"amount": 50, "😀": 1, "\ud83d\ude00": 2}"#),
        with_context(r#"{"amount": 50, "": 1, "": 2}"#),
    ] {
        let told = refused_as_malformed(&server, body).await;
        assert!(
            told.body["detail"]
                .as_str()
                .unwrap()
                .contains("is given twice"),
            "{told:?}"
        );
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nested_too_deep_is_refused_and_the_server_lives() {
    let server = server().await;
    for body in [
        "[".repeat(MEBIBYTE),
        "{\"a\":".repeat(MEBIBYTE / 5),
        "[{\"a\":".repeat(MEBIBYTE / 6),
        format!(
            "{}1{}",
            "[".repeat(MEBIBYTE / 2 - 1),
            "]".repeat(MEBIBYTE / 2)
        ),
    ] {
        let told = refused_as_malformed(&server, body).await;
        assert!(
            told.body["detail"]
                .as_str()
                .unwrap()
                .contains("nested deeper"),
            "{told:?}"
        );
    }
    // The body is one level, `context` is the second: 63 more are one too many.
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    refused_as_malformed(&server, with_context(&nested(64))).await;
    nothing_is_stored(&server).await;
    accepted(&server, with_context(&nested(63)), &[]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_would_change_by_being_read_is_refused() {
    let server = server().await;
    for number in [
        "1e400",
        "-1e400",
        "1e999999999999",
        "12345678901234567890.5",
        "0.1234567890123456789012",
        "123456789012345678901234567890",
        "9007199254740993.5",
        "1e-400",
        "01",
        "+1",
        ".5",
        "5.",
        "1e",
        "0x10",
        "1_000",
        "Infinity",
        "-",
    ] {
        refused_as_malformed(&server, with_context(&format!("{{\"amount\": {number}}}"))).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_json_library_uses_inside_is_just_a_key() {
    let server = server().await;
    let mut asked = Vec::new();
    for key in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
    ] {
        for context in [
            // An object is no amount: it must not become the number 50, which policy would approve.
            format!(r#"{{"amount":{{"{key}":"50"}}}}"#),
            format!(r#"{{"{key}":"{{\"amount\":50}}"}}"#),
            // And what stands after the key must not be lost.
            format!(r#"{{"amount":{{"{key}":"50","currency":"BTC"}}}}"#),
        ] {
            let body = String::from_utf8(with_context(&context)).unwrap();
            let body = body.replace("appr_1", &format!("appr_{}", asked.len()));
            let told = accepted(&server, body.into_bytes(), &[]).await;
            asked.push((
                context.clone(),
                told["case_id"].as_str().unwrap().to_owned(),
            ));
            // Agents at our own API choose their keys freely.
            let request = server
                .client
                .post(server.intake("/v1/requests"))
                .bearer_auth(AGENT);
            let body = format!(
                r#"{{"id":"agents_{}","action":"pay","context":{context}}}"#,
                asked.len()
            );
            let (status, told) = answer(request.body(body).send().await.unwrap()).await;
            assert!(status == 200 || status == 202, "{told}");
            assert_ne!(told["outcome"], "approve", "{told}");
            asked.push((context, told["case_id"].as_str().unwrap().to_owned()));
        }
    }
    for (context, case) in &asked {
        // The text, since the test's own reader would fall for it too.
        let url = server.operators(&format!("/v1/cases/{case}"));
        let request = server.client.get(url).bearer_auth(VIEWER);
        let file = request.send().await.unwrap().text().await.unwrap();
        assert!(!file.contains(r#""outcome":"approve""#), "{file}");
        assert!(
            file.contains(&format!(r#""context":{context}"#)),
            "{context}: {file}"
        );
    }
    let folder = server.stop().await;
    for (context, case) in asked {
        // A person at a terminal sees it as well.
        let ran = run(folder.path(), &["cases", &case]);
        let shown = String::from_utf8(ran.stdout).unwrap();
        assert!(
            shown.contains("$serde_json::private::"),
            "{context}: {shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_usable_id_or_token_is_refused() {
    let server = server().await;
    for (field, values) in [
        (
            "event",
            vec![
                json!(""),
                json!(1),
                json!(["approval.requested"]),
                Value::Null,
            ],
        ),
        (
            "approval_id",
            vec![
                json!(""),
                json!(17),
                json!({"id": "appr_1"}),
                json!(true),
                Value::Null,
                json!("a".repeat(10_000)),
                json!("a\nb"),
            ],
        ),
        (
            "token",
            vec![
                json!(""),
                json!(12_345_678),
                json!(["capability"]),
                json!(false),
                Value::Null,
            ],
        ),
        (
            "expires_at",
            vec![
                json!("soon"),
                json!(""),
                json!(1_900_000_000),
                json!("2099-02-30T00:00:00Z"),
                json!("2099-01-01"),
                json!({}),
            ],
        ),
    ] {
        for value in values {
            let mut event = requested(1, json!(50));
            event[field] = value;
            refused_as_malformed(&server, event.to_string()).await;
        }
        if field != "expires_at" {
            let mut event = requested(1, json!(50));
            event.as_object_mut().unwrap().shift_remove(field);
            let told = refused_as_malformed(&server, event.to_string()).await;
            assert!(
                told.body["detail"].as_str().unwrap().contains(field),
                "{told:?}"
            );
        }
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_refused_and_never_unpacked() {
    let server = server().await;
    let good = requested(1, json!(50)).to_string().into_bytes();
    // `{}` in a stored block of gzip.
    let packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01\x02\x00\xfd\xff{}\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    refused_as_malformed(&server, packed.as_slice()).await;
    for (body, encodings) in [
        (packed.as_slice(), vec!["gzip"]),
        (&good, vec!["gzip"]),
        (&good, vec!["br"]),
        (&good, vec!["identity, gzip"]),
        (&good, vec!["identity", "gzip"]),
        (&good, vec!["x-unknown"]),
    ] {
        let signed = signature(SECRET, body);
        let mut headers = vec![("X-TraceMem-Signature", signed.as_bytes())];
        headers.extend(
            encodings
                .iter()
                .map(|encoding| ("Content-Encoding", encoding.as_bytes())),
        );
        refused(&server, TM, body, &headers, MALFORMED).await;
    }
    nothing_is_stored(&server).await;
    accepted(&server, good, &[("Content-Encoding", b"identity")]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_is_the_bytes_and_not_what_they_are_called() {
    let server = server().await;
    for (number, content_type) in [
        "application/json; charset=utf-16",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let body = requested(u32::try_from(number).unwrap(), json!(50))
            .to_string()
            .into_bytes();
        accepted(&server, body, &[("Content-Type", content_type.as_bytes())]).await;
    }
    accepted(
        &server,
        requested(10, json!(50)).to_string().into_bytes(),
        &[],
    )
    .await;
    assert_eq!(entries(&server, "decided").await, 5);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_ours_is_acknowledged_and_left_alone() {
    let server = server().await;
    for event in [
        "approval.created",
        "approval.requested ",
        "APPROVAL.REQUESTED",
        "ping",
    ] {
        let mut sent = requested(1, json!(50));
        sent["event"] = json!(event);
        let (status, told) = server.deliver(&sent).await;
        assert_eq!(
            (status, told),
            (200, json!({"status": "ignored"})),
            "{event}"
        );
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}
