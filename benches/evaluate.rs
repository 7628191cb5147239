//! What it costs to decide one request, with the trace that its rationale is made of: in sets of ten to ten thousand
//! rules, of which ten are for the action.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may panic; the panic is the report"
)]

use std::hint::black_box;

use countersign::policy::{Input, decide};
use criterion::{Criterion, criterion_group, criterion_main};

#[path = "load/sets.rs"]
mod sets;

fn evaluate(criterion: &mut Criterion) {
    let input = sets::input();
    let mut group = criterion.benchmark_group("evaluate");
    for (shape, rules) in sets::SETS {
        let set = sets::load(shape, rules);
        group.bench_function(shape.name(rules), |bencher| {
            bencher.iter(|| black_box(decide(&set, black_box(&input), sets::now())));
        });
    }
    group.bench_function("the input alone, from JSON text", |bencher| {
        bencher.iter(|| black_box(Input::parse(black_box(input.text())).is_ok()));
    });
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for (shape, rules) in sets::SETS {
        group.bench_function(shape.name(rules), |bencher| {
            bencher.iter(|| black_box(sets::load(shape, rules)));
        });
    }
}

criterion_group!(benches, evaluate, load);
criterion_main!(benches);
