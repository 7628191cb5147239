//! How far each body of the set that is run has come.

use regorus::Value;

use super::Operands;
use crate::domain::verdict::RuleSet;
use crate::policy::engine::bodies::Body;
use crate::policy::engine::program::Compiled;

/// One for each body of the set in the program, in the order of their owners.
pub(super) fn tracks(compiled: &Compiled, bodies: &[Body], set: RuleSet) -> Vec<Track> {
    let of_set = |&(&body, _): &(&usize, &usize)| {
        bodies
            .get(body)
            .is_some_and(|at| at.set == set && at.package == compiled.package)
    };
    let mut tracks: Vec<Track> = compiled
        .code_of
        .iter()
        .filter(of_set)
        .map(|(&body, &owner)| Track {
            body,
            owner,
            ..Track::default()
        })
        .collect();
    tracks.sort_by_key(|track| track.owner);
    tracks
}

/// One body of the set that is run.
#[derive(Default)]
pub(super) struct Track {
    pub(super) body: usize,
    pub(super) owner: usize,
    pub(super) elements: Vec<(Value, Vec<Operands>)>,
    pub(super) operands: Vec<Operands>,
    /// The statements at which values of different kinds were compared, here or in what they call.
    pub(super) mixed: Vec<(usize, String)>,
    /// The furthest instruction that ran.
    pub(super) furthest: Option<usize>,
    /// The statement of the first loop over elements.
    pub(super) loops_from: Option<u16>,
    /// The last statement in evaluation order that was looked at.
    pub(super) reached: u16,
}

/// The statements at which a body ended without an element: one, or with a loop all from the loop to the last one that
/// any round looked at.
pub(super) fn stopped(compiled: &Compiled, track: &Track) -> Vec<usize> {
    let Some(owner) = compiled.owners.get(track.owner) else {
        return vec![];
    };
    let range = match (track.loops_from, track.furthest) {
        (Some(from), _) => usize::from(from)..usize::from(track.reached) + 1,
        (None, Some(furthest)) => {
            let next = compiled.sites.get(furthest + 1);
            let at = next
                .filter(|site| site.owner as usize == track.owner)
                .and_then(|site| {
                    owner
                        .order
                        .iter()
                        .position(|&statement| statement == site.statement)
                });
            match at {
                Some(at) => at..at + 1,
                None => usize::from(track.reached)..usize::from(track.reached) + 1,
            }
        }
        // It was never begun: nothing is known of it.
        (None, None) => 0..owner.order.len(),
    };
    owner
        .order
        .get(range)
        .unwrap_or(&owner.order)
        .iter()
        .map(|&statement| usize::from(statement))
        .collect()
}
