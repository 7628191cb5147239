use std::hint::black_box;

use countersign::policy::{PolicySet, decide};

use crate::report::{at_most, median, microseconds, note, thread_cpu};
use crate::sets;

const ROUNDS: usize = 7;
const EVALUATIONS: u32 = 2_000;

/// One request with its trace, ten rules for its action, in sets of every size.
pub(crate) fn flat() {
    let loaded: Vec<(String, PolicySet)> = sets::SETS
        .into_iter()
        .map(|(shape, rules)| {
            let before = thread_cpu();
            let set = sets::load(shape, rules);
            let took = thread_cpu().saturating_sub(before);
            let name = shape.name(rules);
            note(&format!(
                "{name}: loaded in {:.0} ms of CPU",
                took.as_secs_f64() * 1e3
            ));
            (name, set)
        })
        .collect();
    let input = sets::input();
    let mut figures = vec![Vec::new(); loaded.len()];
    for _ in 0..ROUNDS {
        for (figures, (_, set)) in figures.iter_mut().zip(&loaded) {
            let before = thread_cpu();
            for _ in 0..EVALUATIONS {
                black_box(decide(set, black_box(&input), sets::now()));
            }
            figures.push(microseconds(
                thread_cpu().saturating_sub(before) / EVALUATIONS,
            ));
        }
    }
    let medians: Vec<f64> = figures.into_iter().map(median).collect();
    for ((name, _), median) in loaded.iter().zip(&medians) {
        note(&format!("{name}: {median:.1} µs of CPU for one evaluation"));
    }
    let most = medians.iter().copied().fold(f64::MIN, f64::max);
    let least = medians.iter().copied().fold(f64::MAX, f64::min);
    at_most(
        "evaluate: the dearest set / the cheapest",
        most / least,
        1.5,
        "x",
    );
}
