//! The one door to the wall clock. Everything that needs the time takes `now` as an argument; who calls it asks here.

use jiff::Timestamp;

/// Tells the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The wall clock's time.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn now(self) -> Timestamp {
        Timestamp::now()
    }
}
