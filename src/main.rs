//! The `countersign` program: see `countersign::cli`.

fn main() {}
