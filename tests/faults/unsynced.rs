//! A disk whose sync fails, and how many syncs many requests at once need. Both ask the kernel, by `strace`, and not
//! the program.

use std::path::Path;
use std::process::Command;

use crate::load::{body, client, deliver};
use crate::server::{Server, write_config};
use crate::tracemem::TraceMem;

/// The binary under `strace`, with what is injected; calls are written to `trace`.
fn traced(config: &Path, trace: &Path, inject: Option<&str>) -> Server {
    let mut command = Command::new("strace");
    command
        .args([
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-e",
            "trace=fsync,fdatasync",
            "-o",
        ])
        .arg(trace);
    if let Some(inject) = inject {
        command
            .arg("-e")
            .arg(format!("inject=fsync,fdatasync:{inject}"));
    }
    command
        .arg(env!("CARGO_BIN_EXE_countersign"))
        .args(["run", "--config"])
        .arg(config);
    Server::spawn(command)
}

fn syncs(trace: &Path) -> usize {
    let text = std::fs::read_to_string(trace).unwrap();
    text.lines()
        .filter(|line| line.contains("sync(") && !line.contains("unfinished"))
        .count()
        + text
            .lines()
            .filter(|line| line.contains("sync resumed"))
            .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_sync_fails_the_request_is_not_acknowledged_and_neither_is_any_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let platform = TraceMem::start().await;
    let config = write_config(
        folder.path(),
        &folder.path().join("countersign.db"),
        &platform.url(),
    );
    // Once without a fault, so that the file, its tables and the policy set are there and only commits sync.
    drop(Server::start(&config));
    let trace = folder.path().join("trace");
    let server = traced(&config, &trace, None);
    let client = client();
    deliver(&client, &server.intake, &body(0)).await.unwrap();
    let at_first_request = syncs(&trace);
    drop(server);

    let server = traced(
        &config,
        &trace,
        Some(&format!("error=EIO:when={}+", at_first_request + 8)),
    );
    let mut refused = 0;
    let mut acknowledged = Vec::new();
    for number in 100..140 {
        let (status, answer) = deliver(&client, &server.intake, &body(number))
            .await
            .unwrap();
        match status {
            200 => {
                assert_eq!(
                    refused, 0,
                    "request {number} was acknowledged after a sync had failed"
                );
                acknowledged.push(answer["case_id"].as_str().unwrap().to_owned());
            }
            503 => {
                assert_eq!(answer["code"], "unavailable");
                refused += 1;
            }
            other => panic!("request {number} got {other}: {answer}"),
        }
    }
    assert!(refused > 0, "no sync failed; the test proves nothing");
    let ready = client
        .get(format!("{}/readyz", server.operators))
        .send()
        .await
        .unwrap();
    assert_eq!(
        ready.status(),
        503,
        "a server that cannot store anything is not ready"
    );
    drop(server);

    let server = Server::start(&config);
    for (number, case) in (100..140).zip(&acknowledged) {
        let (status, answer) = deliver(&client, &server.intake, &body(number))
            .await
            .unwrap();
        assert_eq!(
            (
                status,
                answer["status"].as_str(),
                answer["case_id"].as_str()
            ),
            (200, Some("duplicate"), Some(case.as_str()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_requests_at_once_need_at_most_sixteen_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let platform = TraceMem::start().await;
    let config = write_config(
        folder.path(),
        &folder.path().join("countersign.db"),
        &platform.url(),
    );
    let text = std::fs::read_to_string(&config)
        .unwrap()
        .replace("mode: enforce", "mode: dry_run");
    std::fs::write(&config, text).unwrap();
    drop(Server::start(&config));
    let trace = folder.path().join("trace");
    // Each sync takes 20 ms, as on a slow disk, so that what arrives meanwhile is there when the next begins.
    let server = traced(&config, &trace, Some("delay_exit=20000"));
    let clients: Vec<_> = (0..64).map(|_| client()).collect();
    let intake = server.intake.as_str();
    let warm = clients.iter().enumerate().map(|(number, client)| {
        let body = body(number as u64);
        async move { deliver(client, intake, &body).await.unwrap() }
    });
    // The connections are opened by requests of which nothing is counted.
    futures_util::future::join_all(warm).await;
    let before = syncs(&trace);
    let burst = clients.iter().enumerate().map(|(number, client)| {
        let body = body(1_000 + number as u64);
        async move { deliver(client, intake, &body).await.unwrap() }
    });
    for (status, answer) in futures_util::future::join_all(burst).await {
        assert_eq!((status, answer["status"].as_str()), (200, Some("accepted")));
    }
    let used = syncs(&trace) - before;
    assert!(
        (1..=16).contains(&used),
        "64 requests at once used {used} syncs"
    );
}
