use std::path::Path;
use std::time::{Duration, Instant};

use countersign::domain::log_entry::ChainKey;
use countersign::store::{SqliteSettings, SqliteStore, Store as _};
use rusqlite::{Connection, params};

use crate::cases::Sample;
use crate::report::{at_most, microseconds, note, percentile};
use crate::sets;

const FEW: u64 = 10_000;
/// The bar is for ten million; a million is what fits a coffee break, with rows of full size.
const MANY: u64 = 1_000_000;
const LOOK_UPS: usize = 20_000;

/// The look-up that tells a duplicate, by the case's key, in a file of ten thousand cases and of a million.
pub(crate) fn lookup() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("cases.db");
    let store = SqliteStore::open(SqliteSettings::new(&path, ChainKey::new(&[7; 32]))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        store
            .commit(Sample::new().decided(0), sets::now())
            .await
            .unwrap();
        store.close().await;
    });
    drop(store);
    fill(&path, FEW);
    let (few, _) = measure(&path, FEW);
    fill(&path, MANY);
    let (many, p99) = measure(&path, MANY);
    at_most(
        &format!("look-up p50 at {MANY} cases / at {FEW}"),
        many / few,
        5.0,
        "x",
    );
    at_most(&format!("look-up p99 at {MANY} cases"), p99, 25.0, "µs");
}

/// Copies the one case under other keys until there are `count`.
fn fill(path: &Path, count: u64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576;")
        .unwrap();
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('cases') WHERE name NOT IN ('id', 'key')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let columns = columns.join(", ");
    connection
        .execute(
            &format!(
                "INSERT INTO cases (key, {columns})
                 WITH RECURSIVE number (n) AS (SELECT COUNT(*) + 1 FROM cases UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
                 SELECT randomblob(16), {columns} FROM number, (SELECT {columns} FROM cases WHERE id = 1)"
            ),
            params![count.cast_signed()],
        )
        .unwrap();
}

/// p50 and p99 in microseconds.
fn measure(path: &Path, count: u64) -> (f64, f64) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA cache_size = -65536; PRAGMA mmap_size = 0;")
        .unwrap();
    let mut keys = connection
        .prepare("SELECT key FROM cases WHERE id = ?1")
        .unwrap();
    let mut find = connection
        .prepare("SELECT id, state, content, verdict FROM cases WHERE key = ?1")
        .unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut round = || {
        let wanted: Vec<Vec<u8>> = (0..LOOK_UPS)
            .map(|_| {
                let id = random.u64(1..=count).cast_signed();
                keys.query_row([id], |row| row.get(0)).unwrap()
            })
            .collect();
        wanted
            .into_iter()
            .map(|key| {
                let started = Instant::now();
                let found: (i64, String, Vec<u8>, String) = find
                    .query_row([key], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                    })
                    .unwrap();
                assert!(found.0 > 0);
                started.elapsed()
            })
            .collect::<Vec<Duration>>()
    };
    round();
    let mut latencies = round();
    let p50 = microseconds(percentile(&mut latencies, 0.5));
    let p99 = microseconds(percentile(&mut latencies, 0.99));
    let bytes = std::fs::metadata(path).unwrap().len();
    note(&format!(
        "{count} cases, {} MB: p50 {p50:.1} µs, p99 {p99:.1} µs",
        bytes / 1_000_000
    ));
    (p50, p99)
}
