//! Stand-in.
use crate::domain::explanation::Explanation;
use crate::policy::{Input, PolicySet};
use jiff::Timestamp;
/// Stand-in.
pub fn explain(_: &PolicySet, _: &Input, _: Timestamp) -> Explanation {
    Explanation::default()
}
/// Stand-in.
pub fn decide_plain(
    set: &PolicySet,
    input: &Input,
    now: Timestamp,
) -> crate::domain::verdict::Verdict {
    crate::policy::decide(set, input, now)
}
