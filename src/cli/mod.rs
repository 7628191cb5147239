//! One file per subcommand. Answers go to stdout, talk to stderr.

pub mod check;
pub mod test;
pub mod decide;
pub mod schema;
pub mod config;
mod policy_directory;
mod terminal;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It did what it was asked.
    Done = 0,
    /// It could not do it.
    CouldNot = 1,
    /// It did it, and the answer is no.
    No = 2,
}
