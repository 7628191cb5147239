use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::client::{closed, open};
use crate::report::{at_most, median, microseconds, milliseconds, note, percentile};
use crate::requests::{Kind, make};
use crate::server::{Server, Variant};

const ROUNDS: u64 = 7;
const REQUESTS: u64 = 1_500;

/// The acknowledgement at one connection, beside what one sync of the same disk costs.
pub(crate) fn one_connection() {
    let server = Server::start(Variant::Durable);
    let mut next = 0;
    let mut acknowledged = |kind| {
        let requests = make(kind, server.intake, next, REQUESTS);
        next += REQUESTS;
        microseconds(percentile(
            &mut closed(server.intake, &requests, 1).latencies,
            0.5,
        ))
    };
    acknowledged(Kind::Webhook);
    let (mut raw, mut webhook, mut decide) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raw.push(sync(server.folder.path()));
        webhook.push(acknowledged(Kind::Webhook));
        decide.push(acknowledged(Kind::Ask));
    }
    let (raw, webhook, decide) = (median(raw), median(webhook), median(decide));
    note(&format!(
        "p50: raw fdatasync {raw:.0} µs, durable webhook {webhook:.0} µs, durable decide {decide:.0} µs"
    ));
    at_most(
        "acknowledgement p50, webhook / one raw fdatasync",
        webhook / raw,
        3.0,
        "x",
    );
    at_most(
        "acknowledgement p50, decide / one raw fdatasync",
        decide / raw,
        4.0,
        "x",
    );
}

/// The median of appending a page and syncing it, in microseconds.
fn sync(folder: &std::path::Path) -> f64 {
    let mut file = File::create(folder.join("raw")).unwrap();
    let mut latencies: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            started.elapsed()
        })
        .collect();
    microseconds(percentile(&mut latencies, 0.5))
}

/// Webhooks at a quarter of what the same server did a moment before.
pub(crate) fn open_loop() {
    let server = Server::start(Variant::Durable);
    let (mut p50, mut p99, mut next) = (Vec::new(), Vec::new(), 0);
    closed(
        server.intake,
        &make(Kind::Webhook, server.intake, next, 2_000),
        64,
    );
    next += 2_000;
    for _ in 0..3 {
        let requests = make(Kind::Webhook, server.intake, next, 8_000);
        let most = closed(server.intake, &requests, 64).rate();
        next += 8_000;
        let requests = make(Kind::Webhook, server.intake, next, 10_000);
        next += 10_000;
        let never = AtomicBool::new(false);
        let mut run = open(server.intake, &requests, most / 4.0, 32, &never, |_| {});
        p50.push(milliseconds(percentile(&mut run.latencies, 0.5)));
        p99.push(milliseconds(percentile(&mut run.latencies, 0.99)));
        note(&format!(
            "at most {most:.0} a second; offered {:.0}, served {:.0}: p50 {:.2} ms, p99 {:.2} ms",
            most / 4.0,
            run.rate(),
            p50.last().unwrap(),
            p99.last().unwrap()
        ));
    }
    at_most(
        "open loop at a quarter of its own maximum, p50",
        median(p50),
        0.5,
        "ms",
    );
    at_most(
        "open loop at a quarter of its own maximum, p99",
        median(p99),
        5.0,
        "ms",
    );
}
