//! The W3C trace that a request came in is kept with its case and passed on with its answer.

use serde_json::{Value, json};

use crate::harness::{Countersign, SECRET, VIEWER, config, requested, signature};
use crate::tracemem::TraceMem;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn deliver(server: &Countersign, number: u32, traceparent: &str) {
    let body = requested(number, json!(50)).to_string();
    let signature = signature(SECRET, body.as_bytes());
    let headers = [
        ("X-TraceMem-Signature", signature.as_str()),
        ("traceparent", traceparent),
    ];
    let (status, told) = server.deliver_raw(body.into_bytes(), &headers).await;
    assert_eq!(status, 200, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_goes_out_in_the_trace_that_the_request_came_in() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    deliver(&server, 1, TRACE).await;
    let received = platform.wait_for(1).await;
    assert_eq!(received[0].header("traceparent"), Some(TRACE));

    let ran = server.command(VIEWER, &["log", "export"]).await;
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let event: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(event["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(event["span_id"], "00f067aa0ba902b7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_none_is_not_passed_on() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    for (number, wrong) in [
        (1, "00-0-0-01"),
        (2, "nonsense"),
        (3, &TRACE.to_uppercase()),
    ] {
        deliver(&server, number, wrong).await;
    }
    let received = platform.wait_for(3).await;
    assert!(
        received
            .iter()
            .all(|answer| answer.header("traceparent").is_none())
    );
}
