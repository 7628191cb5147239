//! What the platform's simulation asks of the test binary it is in.

/// Runs `task` beside the test; it ends with the test's runtime.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
