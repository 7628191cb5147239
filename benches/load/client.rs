//! The load: a client that costs little, in a closed loop and at a fixed rate.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a run of requests came to.
pub(crate) struct Run {
    /// From the first byte to the last answer.
    pub(crate) took: Duration,
    /// Of each request, in no order.
    pub(crate) latencies: Vec<Duration>,
}

impl Run {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap()) / self.took.as_secs_f64()
    }
}

/// Sends all of `requests` over so many connections, each sending its next when the last is answered.
pub(crate) fn closed(to: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let next = AtomicUsize::new(0);
    let latencies = Mutex::new(Vec::with_capacity(requests.len()));
    let started = Instant::now();
    runtime.block_on(futures_util::future::join_all((0..connections).map(
        |_| async {
            let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = Vec::new();
            let mut own = Vec::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                stream.write_all(request).await.unwrap();
                buffer.clear();
                while !whole(&buffer) {
                    assert!(stream.read_buf(&mut buffer).await.unwrap() > 0, "hung up");
                }
                taken(&buffer);
                own.push(sent.elapsed());
            }
            latencies.lock().unwrap().append(&mut own);
        },
    )));
    Run {
        took: started.elapsed(),
        latencies: latencies.into_inner().unwrap(),
    }
}

/// Sends `requests` at `rate` a second, whether the ones before are answered or not, as far as `connections` allow. A
/// latency counts from when the request was to be sent. `each` sees every answer; `stop` ends it early.
pub(crate) fn open(
    to: SocketAddr,
    requests: &[Vec<u8>],
    rate: f64,
    connections: usize,
    stop: &AtomicBool,
    each: impl Fn(&[u8]) + Sync,
) -> Run {
    let next = AtomicUsize::new(0);
    let latencies = Mutex::new(Vec::with_capacity(requests.len()));
    let started = Instant::now();
    // Threads, since an asynchronous timer is a millisecond late.
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(to).unwrap();
                stream.set_nodelay(true).unwrap();
                let mut own = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(request) = requests.get(index) else {
                        break;
                    };
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let due = started
                        + Duration::from_secs_f64(f64::from(u32::try_from(index).unwrap()) / rate);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let answer = exchange(&mut stream, request);
                    own.push(due.elapsed());
                    each(&answer);
                }
                latencies.lock().unwrap().append(&mut own);
            });
        }
    });
    Run {
        took: started.elapsed(),
        latencies: latencies.into_inner().unwrap(),
    }
}

/// Sends one request and returns the whole answer.
pub(crate) fn exchange(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while !whole(&answer) {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "hung up");
        answer.extend_from_slice(&chunk[..read]);
    }
    taken(&answer);
    answer
}

/// Whether all of an answer is there.
fn whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length: usize = head
        .split("content-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse().ok())
        .expect("an answer says how long it is");
    answer.len() >= end + 4 + length
}

fn taken(answer: &[u8]) {
    assert!(
        answer.starts_with(b"HTTP/1.1 2"),
        "{}",
        String::from_utf8_lossy(answer)
    );
}
