//! What it costs to put decided requests on disk through the real store: 64 at once, and one after the other.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may panic; the panic is the report"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use countersign::domain::log_entry::ChainKey;
use countersign::store::{SqliteSettings, SqliteStore, Store as _};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;

#[path = "load/cases.rs"]
mod cases;
#[path = "load/sets.rs"]
#[expect(dead_code, reason = "one set is enough to have something to commit")]
mod sets;

const GROUP: u64 = 64;

fn commit(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let settings = SqliteSettings::new(folder.path().join("cases.db"), ChainKey::new(&[7; 32]));
    let store = SqliteStore::open(settings).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let sample = cases::Sample::new();
    let next = AtomicU64::new(0);
    let one = || {
        store.commit(
            sample.decided(next.fetch_add(1, Ordering::Relaxed)),
            sets::now(),
        )
    };
    let mut group = criterion.benchmark_group("commit");
    group.throughput(Throughput::Elements(GROUP));
    group.bench_function("64 requests at once", |bencher| {
        bencher.iter(|| runtime.block_on(join_all((0..GROUP).map(|_| one()))));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("one request alone", |bencher| {
        bencher.iter(|| runtime.block_on(one()).unwrap());
    });
}

criterion_group!(benches, commit);
criterion_main!(benches);
