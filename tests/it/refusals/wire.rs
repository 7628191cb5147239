//! What comes over TCP and is no proper request, or too much of one.

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{SECRET, TM, counted, entries, nothing_is_stored, post, server, server_with};
use crate::harness::{Countersign, requested, signature};

/// One connection, byte by byte.
struct Wire(TcpStream);

impl Wire {
    async fn to(server: &Countersign) -> Self {
        Self(TcpStream::connect(server.addresses.intake).await.unwrap())
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the server closes.
    async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        let read = tokio::time::timeout(std::time::Duration::from_secs(30), reading).await;
        // A reset after the response ends it as well as a proper end.
        let _ = read.unwrap_or_else(|_| panic!("the server never closed the connection"));
        String::from_utf8(bytes).unwrap()
    }
}

/// Everything the server says to these bytes until it closes.
async fn said_to(server: &Countersign, bytes: impl AsRef<[u8]>) -> String {
    let mut wire = Wire::to(server).await;
    wire.send(bytes).await;
    wire.rest().await
}

/// A signed delivery of `event` as it stands on the wire, with these further header lines.
fn delivery(event: &serde_json::Value, more: &str) -> String {
    let body = event.to_string();
    format!(
        "POST {TM} HTTP/1.1\r\nhost: x\r\nx-tracemem-signature: {}\r\ncontent-length: {}\r\n{more}\r\n{body}",
        signature(SECRET, body.as_bytes()),
        body.len()
    )
}

fn status(said: &str) -> &str {
    said.lines().next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let server = server().await;
    let head = |length: &str, more: &str| {
        format!("POST {TM} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{more}\r\n")
    };
    for length in ["1048577", "99999999999", "18446744073709551613"] {
        let said = said_to(&server, head(length, "")).await;
        assert_eq!(
            status(&said),
            "HTTP/1.1 413 Payload Too Large",
            "{length}: {said}"
        );
        assert!(
            said.contains("application/problem+json") && said.contains(r#""code":"too_large""#),
            "{said}"
        );
        assert!(said.to_lowercase().contains("connection: close"), "{said}");
        // Nobody is asked to go on.
        let said = said_to(&server, head(length, "expect: 100-continue\r\n")).await;
        assert_eq!(
            status(&said),
            "HTTP/1.1 413 Payload Too Large",
            "{length}: {said}"
        );
        assert!(!said.contains("100 Continue"), "{said}");
    }
    assert_eq!(counted(&server, "too_large").await, 6);
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_say_its_size_is_refused_at_the_byte_that_is_too_many() {
    let server = server_with(
        &format!("{{hmac: {{secrets: [{SECRET}]}}}}"),
        "body_limit: 4KiB",
    )
    .await;
    let mut wire = Wire::to(&server).await;
    wire.send(format!(
        "POST {TM} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    ))
    .await;
    for _ in 0..5 {
        wire.send(format!("400\r\n{}\r\n", " ".repeat(1024))).await;
    }
    let said = wire.rest().await;
    assert_eq!(status(&said), "HTTP/1.1 413 Payload Too Large", "{said}");
    assert!(said.contains(r#""code":"too_large""#), "{said}");
    assert_eq!(counted(&server, "too_large").await, 1);
    nothing_is_stored(&server).await;

    // Up to the limit it is a body like any other.
    let good = requested(1, json!(50)).to_string();
    let padded = format!("{good}{}", " ".repeat(4096 - good.len()));
    let signed = signature(SECRET, padded.as_bytes());
    let said = said_to(
        &server,
        format!("POST {TM} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-tracemem-signature: {signed}\r\ntransfer-encoding: chunked\r\n\r\n1000\r\n{padded}\r\n0\r\n\r\n"),
    )
    .await;
    assert_eq!(status(&said), "HTTP/1.1 200 OK", "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_breaks_off_is_not_taken_for_a_whole_one() {
    let server = server().await;
    let event = requested(1, json!(50));
    let whole = delivery(&event, "");
    let body = event.to_string();
    let signed = signature(SECRET, body.as_bytes());
    let chunked = format!(
        "POST {TM} HTTP/1.1\r\nhost: x\r\nx-tracemem-signature: {signed}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let announced_more = whole.replace(
        &format!("content-length: {}", body.len()),
        &format!("content-length: {}", body.len() + 1),
    );
    for cut in [
        whole[..whole.len() - 1].to_owned(),
        whole[..whole.len() - body.len()].to_owned(),
        whole[..whole.len() / 3].to_owned(),
        // All of the signed body is here, but its end was not.
        announced_more,
        format!("{chunked}{:x}\r\n{body}\r\n", body.len()),
        format!("{chunked}{:x}\r\n{body}", body.len()),
        format!("{chunked}{:x}\r\n{body}\r\n0\r\n", body.len()),
        format!("{chunked}zz\r\n{body}\r\n0\r\n\r\n"),
    ] {
        let mut wire = Wire::to(&server).await;
        wire.send(&cut).await;
        wire.0.shutdown().await.unwrap();
        let said = wire.rest().await;
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 400"),
            "{cut}: {said}"
        );
        // And at once, without waiting for what might be said.
        Wire::to(&server).await.send(&cut).await;
    }
    nothing_is_stored(&server).await;
    // The whole one is taken, and is the first of its kind.
    let (http, told) = server.deliver(&event).await;
    assert_eq!((http, told["status"].as_str()), (200, Some("accepted")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused() {
    let server = server().await;
    let good = delivery(&requested(1, json!(50)), "");
    for (sent, expected) in [
        ("garbage\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request"),
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\x7f\x03\x03 tls\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("HTTP/1.1", "HTTP/3.0", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("POST ", "PO ST ", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "host x", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "host: x\r\n folded: y", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "content-length : 5", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "content-length: -1", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "content-length: +5", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        // Two lengths are two bodies.
        (
            good.replacen("host: x", "content-length: 5", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "content-length: 5, 5", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "transfer-encoding: gzip", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen("host: x", "transfer-encoding: chunked, identity", 1),
            "HTTP/1.1 400 Bad Request",
        ),
        (
            good.replacen(
                "host: x",
                &format!("x-filler: {}", "a".repeat(128 * 1024)),
                1,
            ),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
        (
            good.replacen("host: x", &"a: b\r\n".repeat(500), 1),
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
    ] {
        let said = said_to(&server, &sent).await;
        assert_eq!(status(&said), expected, "{}", &sent[..sent.len().min(200)]);
    }
    let line = r#"countersign_connections_closed_total{ending="broken"} "#;
    assert_eq!(server.metric(line).await, format!("{line}15"));
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_framings_ends_its_connection_and_hides_no_second_one() {
    let server = server().await;
    let (hidden, shown) = (
        delivery(&requested(2, json!(50)), ""),
        requested(1, json!(50)).to_string(),
    );
    let signed = signature(SECRET, shown.as_bytes());
    for framing in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
    ] {
        let said = said_to(
            &server,
            format!(
                "POST {TM} HTTP/1.1\r\nhost: x\r\nx-tracemem-signature: {signed}\r\n{framing}\r\n\r\n{:x}\r\n{shown}\r\n0\r\n\r\n{hidden}",
                shown.len()
            ),
        )
        .await;
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
        assert!(!said.contains("appr_2"), "{said}");
    }
    let (_, cases) = server.get("/v1/cases?q=appr_2").await;
    assert_eq!(cases["cases"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_in_one_breath_are_both_answered_in_their_order() {
    let server = server().await;
    let (first, second) = (requested(1, json!(50)), requested(2, json!(50)));
    let both = delivery(&first, "") + &delivery(&second, "connection: close\r\n");
    let said = said_to(&server, both).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 2, "{said}");
    assert_eq!(entries(&server, "decided").await, 2);
    let (_, cases) = server.get("/v1/cases").await;
    for (position, id) in [(0, "appr_2"), (1, "appr_1")] {
        assert_eq!(cases["cases"][position]["request_id"], id);
        let case = cases["cases"][position]["case_id"].as_str().unwrap();
        let at = said.find(case).unwrap();
        assert_eq!(
            at > said.rfind("HTTP/1.1").unwrap(),
            id == "appr_2",
            "{said}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_is_served_and_its_connection_closed() {
    let server = server().await;
    let old = delivery(&requested(1, json!(50)), "").replacen("HTTP/1.1", "HTTP/1.0", 1);
    let said = said_to(&server, old).await;
    assert!(status(&said).ends_with("200 OK"), "{said}");
    assert!(said.contains(r#""status":"accepted""#), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_before_sending_is_told_to_go_on() {
    let server = server().await;
    let whole = delivery(
        &requested(1, json!(50)),
        "expect: 100-continue\r\nconnection: close\r\n",
    );
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    let mut wire = Wire::to(&server).await;
    wire.send(format!("{head}\r\n\r\n")).await;
    let mut go_on = [0; 25];
    wire.0.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    wire.send(body).await;
    assert_eq!(status(&wire.rest().await), "HTTP/1.1 200 OK");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_nobodys_and_a_method_that_is_none_are_told_apart() {
    let server = server().await;
    let body = requested(1, json!(50)).to_string().into_bytes();
    let signed = signature(SECRET, &body);
    let signed = [("X-TraceMem-Signature", signed.as_bytes())];
    for path in [
        "/v1/sources/nobody",
        "/v1/sources/TM",
        "/v1/sources/agents",
        "/v1/sources/%74m%00",
    ] {
        let told = post(&server, path, body.clone(), &signed).await;
        assert_eq!(
            (told.status, told.word()),
            (404, "unknown_source"),
            "{path}"
        );
        assert_eq!(
            told.header("content-type"),
            Some("application/problem+json")
        );
    }
    for path in [
        "/",
        "/v1/sources",
        "/v1/sources/",
        "/v1/cases",
        "/metrics",
        "/livez",
        "/v1/freeze",
    ] {
        let told = post(&server, path, body.clone(), &signed).await;
        assert_eq!((told.status, told.word()), (404, "not_found"), "{path}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = server
            .client
            .request(method.parse().unwrap(), server.intake(TM));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "POST", "{method}");
    }
    // A name that nobody configured becomes no series.
    assert!(!server.metric("countersign_").await.contains("nobody"));
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_too_often_is_told_when_to_come_again() {
    let verify = format!("{{hmac: {{secrets: [{SECRET}]}}}}");
    let server = server_with(&verify, "rate_limit: 1").await;
    let body = requested(1, json!(50)).to_string().into_bytes();
    let signed = signature(SECRET, &body);
    let signed = [("X-TraceMem-Signature", signed.as_bytes())];
    // What anybody can send uses up nothing: forged, too large, broken off.
    let forged = signature("a-secret-of-somebody-else", &body);
    for _ in 0..5 {
        let forged = [("X-TraceMem-Signature", forged.as_bytes())];
        let told = post(&server, TM, body.clone(), &forged).await;
        assert_eq!(told.status, 401, "{told:?}");
        let said = said_to(
            &server,
            format!("POST {TM} HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n"),
        )
        .await;
        assert_eq!(status(&said), "HTTP/1.1 413 Payload Too Large");
        let mut wire = Wire::to(&server).await;
        wire.send(format!(
            "POST {TM} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"
        ))
        .await;
        wire.0.shutdown().await.unwrap();
        wire.rest().await;
    }
    let told = post(&server, TM, body.clone(), &signed).await;
    assert_eq!((told.status, told.word()), (200, "accepted"), "{told:?}");
    let others = join_all((2..22).map(|number| {
        let server = &server;
        async move {
            let body = requested(number, json!(50)).to_string().into_bytes();
            let signed = signature(SECRET, &body);
            post(
                server,
                TM,
                body,
                &[("X-TraceMem-Signature", signed.as_bytes())],
            )
            .await
        }
    }))
    .await;
    let (limited, let_in): (Vec<_>, Vec<_>) = others.iter().partition(|told| told.status == 429);
    assert!(
        !limited.is_empty() && let_in.iter().all(|told| told.status == 200),
        "{others:?}"
    );
    for told in &limited {
        assert_eq!(told.word(), "rate_limited");
        assert_eq!(told.header("retry-after"), Some("1"));
        assert_eq!(
            told.header("content-type"),
            Some("application/problem+json")
        );
    }
    assert_eq!(counted(&server, "rate_limited").await, limited.len() as u64);
    assert_eq!(entries(&server, "decided").await, 1 + let_in.len());
    server.stop().await;
}
