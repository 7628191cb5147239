use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::{closed, exchange};
use crate::report::{at_most, median, milliseconds, note};
use crate::requests::{Kind, make};
use crate::server::{config, folder};
use crate::sets::Shape;

const CASES: u64 = 100_000;

/// The binary that is shipped, as its own process.
struct Binary {
    child: Child,
    intake: SocketAddr,
}

impl Binary {
    /// Starts it and waits for the first answer to `first`.
    fn start(folder: &Path, intake: SocketAddr, first: &[u8]) -> (Self, Duration) {
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(["run", "-c", "countersign.yaml"])
            .current_dir(folder);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let binary = Self { child, intake };
        let mut stream = loop {
            match TcpStream::connect(intake) {
                Ok(stream) => break stream,
                Err(_) => std::thread::sleep(Duration::from_micros(500)),
            }
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "it does not start"
            );
        };
        exchange(&mut stream, first);
        (binary, started.elapsed())
    }

    /// Resident memory in megabytes.
    fn resident(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn memory_and_restart() {
    let folder = folder(Shape::OnePackage, 10);
    let (intake, operators) = (free_port(), free_port());
    let text = config(&intake.to_string(), &operators.to_string());
    std::fs::write(folder.path().join("countersign.yaml"), text).unwrap();
    let mut next = 0;
    let mut take = |count| {
        let requests = make(Kind::Webhook, intake, next, count);
        next += count;
        requests
    };
    let (binary, _) = Binary::start(folder.path(), intake, &take(1)[0]);
    at_most("resident memory, idle", binary.resident(), 20.0, "MB");
    let connections: Vec<TcpStream> = take(600)
        .iter()
        .map(|request| {
            let mut stream = TcpStream::connect(intake).unwrap();
            exchange(&mut stream, request);
            stream
        })
        .collect();
    at_most(
        "resident memory, 600 connections",
        binary.resident(),
        40.0,
        "MB",
    );
    drop(connections);
    for _ in 0..10 {
        closed(binary.intake, &take(CASES / 10), 64);
    }
    at_most(
        "resident memory, 100,000 cases served",
        binary.resident(),
        100.0,
        "MB",
    );
    let mut restarts = Vec::new();
    let mut running = binary;
    for _ in 0..5 {
        // Killed in the middle of its work, so that the write-ahead log is hot.
        closed(running.intake, &take(200), 64);
        drop(running);
        let took;
        (running, took) = Binary::start(folder.path(), intake, &take(1)[0]);
        restarts.push(milliseconds(took));
    }
    note(&format!(
        "restarts after kill -9: {restarts:.0?} ms to the first acknowledgement"
    ));
    at_most(
        "restart to serving with 100,000 cases and a hot log",
        median(restarts),
        100.0,
        "ms",
    );
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
