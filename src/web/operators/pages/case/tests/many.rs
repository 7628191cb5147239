use jiff::Timestamp;

use super::super::ballot::Offer;
use super::super::tree::Tree;
use super::super::view::{Known, View};
use super::super::vote::since;
use super::*;
use crate::domain::log_entry::EntryKind;
use crate::store::{CaseFile, LogLine};

/// A case that alice approved one of two times, after `attempts` in vain at telling somebody and before as many more.
async fn voted_amid(attempts: u64) -> (House, CaseFile) {
    let house = House::open().await;
    let case = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let digest = house.digest(&case).await;
    counts(&house, "alice", &case, "approve", &digest).await;
    let id = CaseId::parse(&case).unwrap();
    let mut file = house.store.case(id).await.unwrap().unwrap();
    let voted = file.timeline.pop().unwrap();
    assert_eq!(voted.kind, EntryKind::Voted);
    let failed = |sequence| LogLine {
        sequence,
        kind: EntryKind::AttemptFailed,
        detail: Some(
            json!({"kind": "notify", "channel": "payments/slack", "attempts": 2, "error": "down"}),
        ),
        ..voted.clone()
    };
    let first = voted.sequence;
    file.timeline.extend((first..first + attempts).map(failed));
    file.timeline.push(LogLine {
        sequence: first + attempts,
        ..voted.clone()
    });
    (house, file)
}

#[tokio::test]
async fn attempts_in_vain_do_not_push_out_who_voted_since() {
    let (_house, file) = voted_amid(30).await;
    let decided = file.timeline.first().unwrap().sequence;
    assert_eq!(
        since(&file, decided),
        ["alice voted approve by web: looked at it"]
    );
}

#[tokio::test]
async fn the_newest_of_many_entries_are_shown_and_the_earlier_ones_are_counted() {
    let (house, file) = voted_amid(500).await;
    let known = Known {
        effects: &[],
        similar: &[],
        people: house.flow.people_of(&file.case.asked.source),
        tree: Tree::default(),
        offer: Offer::Over,
        now: Timestamp::now(),
    };
    let view = View::of(&file, known);
    assert_eq!(view.entries.len(), 200);
    assert_eq!(view.earlier_entries, file.timeline.len() - 200);
    let last = view.entries.last().unwrap();
    assert_eq!(last.said, "alice voted approve by web: looked at it");
}
