//! Prints what the server is built for beside what it does, bar by bar: `cargo bench --bench load`.
//!
//! Every figure is a ratio inside one run of interleaved rounds, or CPU time: on a machine that does other things too,
//! requests a second say nothing. The server is a child process, so that its CPU time and memory are its own. Names of
//! chapters after `--` run those alone: `cargo bench --bench load -- evaluate webhook`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a load program may panic, and printing is what it is for"
)]

mod cases;
mod chapters;
mod client;
mod forgetful;
mod report;
mod requests;
mod server;
mod sets;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, variant, folder] = arguments.as_slice()
        && serve == server::SERVE
    {
        server::serve(variant, folder.as_ref());
        return;
    }
    let wanted: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    println!("{}", report::machine());
    for (name, chapter) in chapters::ALL {
        if wanted.is_empty() || wanted.contains(&name) {
            println!("\n{name}");
            chapter();
        }
    }
}
