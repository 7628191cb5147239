use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::client::{exchange, open};
use crate::report::{at_most, milliseconds, note, percentile};
use crate::requests::{Kind, make};
use crate::server::{Server, Variant, folder};
use crate::sets::Shape;

const RULES: usize = 10_000;
const RATE: f64 = 200.0;
const PATIENCE: Duration = Duration::from_mins(3);

/// Ten thousand rules are edited while agents ask.
pub(crate) fn reload() {
    let before = Instant::now();
    let server = Server::start_on(Variant::Durable, folder(Shape::ManyPackages, RULES));
    note(&format!(
        "started with {RULES} rules in {:.1} s",
        before.elapsed().as_secs_f64()
    ));
    let (stop, revisions) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
    let count = 40_000;
    let requests = make(Kind::Ask, server.intake, 0, count);
    let quiet = open(server.intake, &requests[..1_000], RATE, 16, &stop, |_| {});
    let mut run = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            open(
                server.intake,
                &requests[1_000..],
                RATE,
                16,
                &stop,
                |answer| {
                    revisions.lock().unwrap().insert(revision(answer));
                },
            )
        });
        let mut watch = TcpStream::connect(server.intake).unwrap();
        let mut probes = make(Kind::Ask, server.intake, count, 2_000).into_iter();
        let mut ask = || revision(&exchange(&mut watch, &probes.next().unwrap()));
        std::thread::sleep(Duration::from_secs(1));
        let first = ask();
        let edited = server
            .folder
            .path()
            .join("policies/approvals/p4711/rules.rego");
        let text = std::fs::read_to_string(&edited).unwrap();
        let since = Instant::now();
        std::fs::write(&edited, format!("{text}\n# Edited.\n")).unwrap();
        while ask() == first {
            assert!(since.elapsed() < PATIENCE, "the edit never came to serve");
            std::thread::sleep(Duration::from_millis(100));
        }
        note(&format!(
            "the edit served after {:.1} s",
            since.elapsed().as_secs_f64()
        ));
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap()
    });
    let seen = revisions.into_inner().unwrap();
    assert_eq!(
        seen.len(),
        2,
        "every decision is under one set or the other: {seen:?}"
    );
    let mut quiet = quiet.latencies;
    note(&format!(
        "{} requests at {RATE:.0} a second, p50 {:.2} ms, p99 {:.2} ms; without a reload p50 {:.2} ms, the slowest {:.1} ms",
        run.latencies.len(),
        milliseconds(percentile(&mut run.latencies, 0.5)),
        milliseconds(percentile(&mut run.latencies, 0.99)),
        milliseconds(percentile(&mut quiet, 0.5)),
        milliseconds(percentile(&mut quiet, 1.0))
    ));
    let slowest = milliseconds(percentile(&mut run.latencies, 1.0));
    at_most(
        "reload of 10,000 rules under load: the slowest request",
        slowest,
        50.0,
        "ms",
    );
}

fn revision(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let rest = text
        .split("\"revision\":\"")
        .nth(1)
        .expect("a verdict has a revision");
    rest.split('"').next().unwrap().to_owned()
}
