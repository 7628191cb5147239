//! The `countersign` program: see `countersign::cli`.

fn main() -> std::process::ExitCode {
    countersign::cli::main()
}
