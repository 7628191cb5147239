use super::*;

#[test]
fn the_tally_does_not_make_a_vote_stale() {
    let case = begun(two_votes());
    let before = case.shown();
    let first = vote(&case, "alice", Ballot::Approve);
    assert_eq!(after(case, first).case.shown(), before);
}

#[test]
fn a_vote_needs_a_reason_where_the_platform_insists() {
    let strict = Asked {
        rationale_required: true,
        ..asked()
    };
    let case = Case::decided(strict, verdict(Outcome::Escalate), &terms(), at(0)).case;
    for reason in [None, Some(" \n"), Some("\u{200b}\u{3164}\u{ad}")] {
        let silent = Event::Voted {
            by: approver("alice"),
            via: Via::Api,
            vote: Ballot::Approve,
            reason: reason.map(str::to_owned),
            shown: case.shown(),
        };
        assert_eq!(
            case.clone().step(silent, &terms(), at(1)),
            Err(Refused::NoReason)
        );
    }
    let reasoned = vote(&case, "alice", Ballot::Approve);
    assert!(case.step(reasoned, &terms(), at(1)).is_ok());
}
