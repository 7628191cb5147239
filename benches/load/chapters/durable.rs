use std::sync::Arc;
use std::time::Instant;

use countersign::domain::log_entry::ChainKey;
use countersign::store::{SqliteSettings, SqliteStore, Store as _};
use futures_util::future::join_all;

use crate::cases::Sample;
use crate::client::closed;
use crate::report::{at_least, median, microseconds, note};
use crate::requests::{Kind, make};
use crate::server::{Server, Variant};
use crate::sets;

const ROUNDS: u64 = 5;
const WARM_UP: u64 = 1_000;
const REQUESTS: u64 = 8_000;
const CONNECTIONS: usize = 64;

/// Requests a second and CPU for each, the medians of interleaved rounds.
fn compare(kind: Kind, variants: &[Variant]) -> Vec<(f64, f64)> {
    let servers: Vec<Server> = variants
        .iter()
        .map(|&variant| Server::start(variant))
        .collect();
    let mut figures = vec![(Vec::new(), Vec::new()); servers.len()];
    let mut next = 0;
    for server in &servers {
        closed(
            server.intake,
            &make(kind, server.intake, next, WARM_UP),
            CONNECTIONS,
        );
    }
    next += WARM_UP;
    for _ in 0..ROUNDS {
        for (server, (rates, costs)) in servers.iter().zip(&mut figures) {
            let requests = make(kind, server.intake, next, REQUESTS);
            let before = server.cpu();
            let run = closed(server.intake, &requests, CONNECTIONS);
            let cpu = server.cpu().saturating_sub(before);
            rates.push(run.rate());
            costs.push(microseconds(cpu) / f64::from(u32::try_from(REQUESTS).unwrap()));
        }
        next += REQUESTS;
    }
    figures
        .into_iter()
        .map(|(rates, costs)| (median(rates), median(costs)))
        .collect()
}

fn told(name: &str, (rate, cost): (f64, f64)) {
    note(&format!(
        "{name}: {rate:.0} requests a second, {cost:.0} µs of CPU each"
    ));
}

pub(crate) fn webhook() {
    let variants = [Variant::Durable, Variant::Forgetful, Variant::VerifyOnly];
    let [durable, forgetful, verify] = compare(Kind::Webhook, &variants)[..] else {
        unreachable!("three variants")
    };
    told(
        "durable webhook, decided before it is acknowledged",
        durable,
    );
    told("the same with nothing stored", forgetful);
    told("verified and read alone", verify);
    at_least(
        "durable webhook / verified and read alone, 64 connections",
        durable.0 / verify.0,
        0.4,
        "x",
    );
    at_least(
        "durable webhook / the same with nothing stored",
        durable.0 / forgetful.0,
        0.4,
        "x",
    );
    note(&format!(
        "by CPU: {:.2}x of verified and read alone, {:.2}x of the same with nothing stored",
        verify.1 / durable.1,
        forgetful.1 / durable.1
    ));
}

pub(crate) fn decide() {
    let [durable, forgetful] = compare(Kind::Ask, &[Variant::Durable, Variant::Forgetful])[..]
    else {
        unreachable!("two variants")
    };
    told("durable decide", durable);
    told("decide, nothing stored", forgetful);
    at_least(
        "durable decide / nothing stored, 64 connections",
        durable.0 / forgetful.0,
        0.65,
        "x",
    );
    note(&format!("by CPU: {:.2}x", forgetful.1 / durable.1));
}

pub(crate) fn synchronous() {
    let [full, normal] = compare(Kind::Webhook, &[Variant::Durable, Variant::Unsynced])[..] else {
        unreachable!("two variants")
    };
    told("synchronous=FULL", full);
    told("synchronous=NORMAL, which no config leads to", normal);
    at_least(
        "FULL / NORMAL, durable webhook, 64 connections",
        full.0 / normal.0,
        0.9,
        "x",
    );
}

/// At the store itself: 64 callers whose requests share a sync, and callers who wait for their turn.
pub(crate) fn group() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let settings = SqliteSettings::new(folder.path().join("cases.db"), ChainKey::new(&[7; 32]));
    let store = Arc::new(SqliteStore::open(settings).unwrap());
    let sample = Sample::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let mut next = 0;
    let mut commit = |together: u64, count: u64| {
        let requests: Vec<_> = (next..next + count)
            .map(|number| sample.decided(number))
            .collect();
        next += count;
        let mut requests = requests.into_iter();
        let started = Instant::now();
        runtime.block_on(async {
            loop {
                let some: Vec<_> = requests
                    .by_ref()
                    .take(usize::try_from(together).unwrap())
                    .collect();
                if some.is_empty() {
                    break;
                }
                let commits = some
                    .into_iter()
                    .map(|decided| store.commit(decided, sets::now()));
                for receipt in join_all(commits).await {
                    receipt.unwrap();
                }
            }
        });
        f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64()
    };
    commit(64, 1_000);
    let (mut grouped, mut single) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        grouped.push(commit(64, 6_400));
        single.push(commit(1, 1_500));
    }
    let (grouped, single) = (median(grouped), median(single));
    note(&format!(
        "64 at once: {grouped:.0} commits a second; one transaction each: {single:.0}"
    ));
    at_least(
        "group commit / one transaction each, at the store",
        grouped / single,
        3.0,
        "x",
    );
}
