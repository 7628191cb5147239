//! Senders that never finish must cost nobody else anything.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::child::Program;
use crate::harness::{SECRET, VIEWER, answer, client, config, requested, signature};
use crate::tracemem::TraceMem;

const EACH: usize = 200;

/// What a stuck client sent before it went silent.
const STUCK: [&str; 3] = [
    "",
    "POST /v1/sources/tm HTTP/1.1\r\nhost: x\r\ncontent-le",
    "POST /v1/sources/tm HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"event\":",
];

async fn stuck(address: &str, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    stream
}

/// All that the server says until it closes; a reset is an end too.
async fn last_words(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

/// The number on the metric line that starts with `name` and a space.
async fn metric(client: &reqwest::Client, program: &Program, name: &str) -> u64 {
    let url = format!("http://{}/metrics", program.operators);
    let text = client.get(url).send().await.unwrap().text().await.unwrap();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.map_or(0, |count| count.parse().unwrap())
}

async fn good_traffic(client: &reqwest::Client, program: &Program, from: u32) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in from..from + 50 {
        let body = requested(number, json!(50)).to_string();
        let url = format!("http://{}/v1/sources/tm", program.intake);
        let started = Instant::now();
        let signed = signature(SECRET, body.as_bytes());
        let request = client
            .post(url)
            .header("X-TraceMem-Signature", signed)
            .body(body);
        let (status, told) = answer(request.send().await.unwrap()).await;
        assert_eq!((status, told["status"].as_str()), (200, Some("accepted")));
        slowest = slowest.max(started.elapsed());
    }
    slowest
}

async fn six_hundred_stuck(
    limits: &str,
) -> (
    Program,
    reqwest::Client,
    tempfile::TempDir,
    Vec<Vec<String>>,
) {
    let platform = TraceMem::start().await;
    let config =
        config("enforce", &platform).replace("store:", &format!("limits: {limits}\nstore:"));
    let folder = tempfile::tempdir().unwrap();
    let (program, client) = (Program::start(folder.path(), &config), client());
    let mut streams = Vec::new();
    for sent in STUCK {
        streams.push(join_all((0..EACH).map(|_| stuck(&program.intake, sent))).await);
    }
    let listening = async {
        let mut said = Vec::new();
        for streams in streams {
            said.push(join_all(streams.into_iter().map(last_words)).await);
        }
        said
    };
    let listening = tokio::time::timeout(Duration::from_mins(1), listening);
    let (said, slowest) = tokio::join!(listening, good_traffic(&client, &program, 1));
    // Not a measure of speed: a good sender must not wait for the deadlines of the others to pass.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    let said = said.unwrap_or_else(|_| panic!("some are still connected"));
    good_traffic(&client, &program, 1_000).await;
    let emptied = async {
        // Ours that asks for the metrics, and those that the client keeps open.
        while metric(&client, &program, "countersign_connections_open").await > 4 {}
    };
    tokio::time::timeout(Duration::from_secs(30), emptied)
        .await
        .unwrap();
    let cases = client
        .get(format!("http://{}/v1/cases?limit=500", program.operators))
        .bearer_auth(VIEWER);
    let (_, cases) = answer(cases.send().await.unwrap()).await;
    assert_eq!(cases["cases"].as_array().unwrap().len(), 100);
    (program, client, folder, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_stuck_senders_hold_up_nobody_and_are_all_closed_and_counted() {
    let (program, client, _folder, said) =
        six_hundred_stuck("{header_timeout: 1s, body_timeout: 1s}").await;
    let [silent, headers, bodies] = &said[..] else {
        panic!()
    };
    assert!(silent.iter().chain(headers).all(String::is_empty));
    for said in bodies {
        assert!(
            said.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{said}"
        );
        assert!(said.contains(r#""code":"timeout""#), "{said}");
    }
    let late = r#"countersign_webhook_refused_total{source="tm",reason="timeout"}"#;
    assert_eq!(metric(&client, &program, late).await, EACH as u64);
    let closed = r#"countersign_connections_closed_total{ending="header_timeout"}"#;
    // A client that opens a connection and then needs it no more is one too.
    assert!(metric(&client, &program, closed).await >= 2 * EACH as u64);
    assert_eq!(program.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_room_for_fewer_the_stuck_ones_make_place_at_once() {
    // With these deadlines none of them would be closed within the test.
    let (program, client, _folder, _) = {
        let limits = "{connections: 64, header_timeout: 5s, body_timeout: 5s}";
        six_hundred_stuck(limits).await
    };
    let displaced = metric(&client, &program, "countersign_connections_refused_total").await;
    assert!(displaced >= 600 - 64, "{displaced}");
    assert_eq!(program.terminate().0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_trickles_is_closed_as_one_that_is_silent() {
    let platform = TraceMem::start().await;
    let limits = "limits: {header_timeout: 1s, body_timeout: 1s}\nstore:";
    let config = config("enforce", &platform).replace("store:", limits);
    let server = crate::harness::Countersign::start(&config).await;
    for (begun, trickle) in [
        ("", "P"),
        ("POST /v1/sources/tm HTTP/1.1\r\nx: ", "a"),
        (STUCK[2], " "),
    ] {
        let stream = TcpStream::connect(server.addresses.intake).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        writing.write_all(begun.as_bytes()).await.unwrap();
        let trickling = async {
            let mut every = tokio::time::interval(Duration::from_millis(50));
            loop {
                every.tick().await;
                if writing.write_all(trickle.as_bytes()).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let mut said = Vec::new();
        let closed = async {
            tokio::select! {
                read = reading.read_to_end(&mut said) => read,
                () = trickling => unreachable!(),
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
        assert!(closed.is_ok(), "{begun}");
    }
    super::nothing_is_stored(&server).await;
    server.stop().await;
}
