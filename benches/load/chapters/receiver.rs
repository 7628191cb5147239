use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::closed;
use crate::report::{at_least, median, note};
use crate::requests::{Kind, SECRET, make};
use crate::server::{Server, Variant};

/// Names the Python that has fastapi and uvicorn, where it is not `python3`.
const PYTHON: &str = "COUNTERSIGN_BENCH_PYTHON";

struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a team would write instead: a receiver that verifies, parses, and keeps nothing.
pub(crate) fn fastapi() {
    let python = std::env::var_os(PYTHON).map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let there = Command::new(&python)
        .args(["-c", "import fastapi, uvicorn"])
        .stderr(Stdio::null())
        .status();
    if !there.is_ok_and(|status| status.success()) {
        note(&format!(
            "not measured: no Python with fastapi and uvicorn; name one in {PYTHON}"
        ));
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/fastapi_receiver.py");
    let mut command = Command::new(&python);
    command.arg(script).arg(port.to_string()).arg(SECRET);
    let receiver = Receiver(command.stdout(Stdio::null()).spawn().unwrap());
    let patience = Instant::now() + Duration::from_mins(1);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < patience, "the receiver did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let server = Server::start(Variant::Durable);
    let (mut ours, mut theirs, mut next) = (Vec::new(), Vec::new(), 0);
    let mut rate = |to: SocketAddr, count: u64| {
        let requests = make(Kind::Webhook, to, next, count);
        next += count;
        closed(to, &requests, 64).rate()
    };
    rate(server.intake, 1_000);
    rate(address, 1_000);
    for _ in 0..5 {
        ours.push(rate(server.intake, 8_000));
        theirs.push(rate(address, 4_000));
    }
    drop(receiver);
    let (ours, theirs) = (median(ours), median(theirs));
    note(&format!(
        "durable webhook {ours:.0} a second; FastAPI and uvicorn, one worker, nothing kept: {theirs:.0}"
    ));
    at_least(
        "durable webhook / FastAPI and uvicorn that keeps nothing",
        ours / theirs,
        5.0,
        "x",
    );
}
