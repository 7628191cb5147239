//! Near-misses and counterfactuals over real evaluations: what is claimed is true.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::domain::account::Account;
use crate::domain::rationale::near::{counterfactual, near_miss};
use crate::policy::counterfactual::with;
use crate::policy::{account, decide_and_account};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

static SHIPPED: LazyLock<PolicySet> = LazyLock::new(|| {
    let generous = Budget {
        time: Duration::from_mins(1),
        ..Budget::default()
    };
    PolicySet::load(PolicyFiles::read(&root()).unwrap(), generous)
        .unwrap()
        .set
});

static SAMPLES: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, sample["input"].clone())
    };
    let samples = std::fs::read_dir(root().join("samples")).unwrap();
    let mut samples: Vec<_> = samples.map(read).collect();
    samples.sort_by(|(a, _), (b, _)| a.cmp(b));
    samples
});

fn now_of(input: &Value) -> Timestamp {
    input["now"].as_str().unwrap().parse().unwrap()
}

/// The account of an input, after checking that what it claims is true and that deciding says the same.
fn held_to_its_word(set: &PolicySet, input: &Value) -> Account {
    let now = now_of(input);
    let parsed = Input::parse(&input.to_string()).unwrap();
    let account = account(set, &parsed, now);
    let decided = decide(set, &parsed, now);
    let bare = |verdict: &Verdict| Verdict {
        nearest: Vec::new(),
        counterfactual: None,
        ..verdict.clone()
    };
    assert_eq!(bare(&account.verdict), decided, "{input}");
    let for_real = decide_and_account(set, &parsed, now);
    assert_eq!(bare(&for_real), decided, "{input}");
    if decided.cause == Cause::NoRule {
        assert_eq!(for_real, account.verdict, "{input}");
    } else {
        assert_eq!(for_real, decided, "{input}");
    }
    if let Some(found) = &account.verdict.counterfactual {
        assert_ne!(decided.outcome, Outcome::Approve, "{input}");
        let [change] = found.set.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(change.from.as_ref(), input.pointer(&change.path), "{input}");
        assert!(change.path.starts_with("/context/"), "{change:?}");
        let changed = with(input, change).unwrap();
        assert_eq!(
            decide(set, &changed, now).outcome,
            Outcome::Approve,
            "{input}: {change:?}"
        );
    }
    account
}

#[test]
fn every_sample_that_ships_is_told_what_it_lacks() {
    let mut told = Vec::new();
    for (name, input) in SAMPLES.iter() {
        let account = held_to_its_word(&SHIPPED, input);
        let verdict = &account.verdict;
        if verdict.outcome == Outcome::Approve {
            assert_eq!(verdict.nearest, vec![], "{name}");
            continue;
        }
        let near = verdict
            .nearest
            .first()
            .map_or("nothing is near".to_owned(), near_miss);
        let change = counterfactual(verdict.counterfactual.as_ref());
        told.push(format!(
            "{name} ({} {}):\n  {near}\n  {change}",
            verdict.outcome, verdict.cause
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    delete-legal-hold (reject rule):
      nothing is near
      no single change was found that would approve it
    delete-production (escalate rule):
      Clean up staging: `input.context.environment` is "production", needs == "staging"; the other 5 conditions hold
      would be approved with `input.context.environment` = "staging" (verified)
    deploy-production-critical (escalate rule):
      Production with a healthy canary: `data.services[input.context.service].tier` is "critical", needs == "standard"; the other 5 conditions hold
      no single change was found that would approve it
    deploy-production-failed-checks (reject rule):
      Production with a healthy canary: `input.context.checks` is "failed", needs == "passed"; the other 5 conditions hold
      would be approved with `input.context.checks` = "passed" (verified)
    deploy-production-freeze (reject rule):
      nothing is near
      no single change was found that would approve it
    export-elsewhere (escalate rule):
      Small export of harmless data: `input.context.destination` is "s3://elsewhere", needs to be in `data.datasets.destinations`; the other 5 conditions hold
      would be approved with `input.context.destination` = "warehouse" (verified)
    export-personal (escalate rule):
      Small export of harmless data: `data.datasets.catalogue[input.context.dataset].class` is "personal", needs to be in ["internal","public"]; the other 5 conditions hold
      no single change was found that would approve it
    export-restricted (reject rule):
      Small export of harmless data: `data.datasets.catalogue[input.context.dataset].class` is "restricted", needs to be in ["internal","public"]; the other 5 conditions hold
      no single change was found that would approve it
    message-bulk (escalate rule):
      Approved template to one customer: `input.context.recipients` is 4000, needs == 1; the other 5 conditions hold
      would be approved with `input.context.recipients` = 1 (verified)
    message-do-not-contact (reject rule):
      nothing is near
      no single change was found that would approve it
    message-sensitive (escalate rule):
      Approved template to one customer: `input.context.text` is "We guarantee a refund.", needs == ""; the other 5 conditions hold
      would be approved with `input.context.text` = "" (verified)
    payout-at-night (escalate no_rule):
      Small payout to a checked account: `hour` is 0, needs >= 9; the other 8 conditions hold
      no single change was found that would approve it
    payout-blocked-country (reject rule):
      nothing is near
      no single change was found that would approve it
    payout-large (escalate rule):
      Small payout to a checked account: `input.context.amount` is 9000, needs < 250 (`data.limits.payouts.automatic`); the other 8 conditions hold
      would be approved with `input.context.amount` = 249 (verified)
    payout-negative (escalate evidence):
      Small payout to a checked account: `input.context.amount` is -120, needs > 0; the other 8 conditions hold
      would be approved with `input.context.amount` = 1 (verified)
    refund-amount-null (escalate evidence):
      Small refund: `input.context.amount` is null, needs > 0; 2 more conditions do not hold, 3 do
      would be approved with `input.context.amount` = 1 (verified)
    refund-fraud (reject rule):
      nothing is near
      no single change was found that would approve it
    refund-large (escalate rule):
      Small refund: `input.context.amount` is 2500, needs < 100 (`data.limits.refunds.automatic`); the other 4 conditions hold
      would be approved with `input.context.amount` = 99 (verified)
    refund-medium (escalate no_rule):
      Small refund: `input.context.amount` is 120, needs < 100 (`data.limits.refunds.automatic`); the other 4 conditions hold
      would be approved with `input.context.amount` = 99 (verified)
    refund-more-than-charged (reject rule):
      nothing is near
      would be approved with `input.context.amount` = 40 (verified)
    refund-negative (escalate no_rule):
      Small refund: `input.context.amount` is -50, needs > 0; the other 4 conditions hold
      would be approved with `input.context.amount` = 1 (verified)
    refund-no-customer (escalate evidence):
      Small refund: `input.context.customer_id` is absent; the other 4 conditions hold
      no single change was found that would approve it
    refund-other-currency (escalate rule):
      nothing is near
      would be approved with `input.context.currency` = "USD" (verified)
    refund-unknown-agent (escalate no_rule):
      Small refund: `data.agents.known.stranger` is absent; the other 4 conditions hold
      no single change was found that would approve it
    unknown-action (escalate no_rule):
      nothing is near
      no single change was found that would approve it
    "#);
}

fn value() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        any::<bool>().prop_map(|truth| Some(truth.into())),
        prop::sample::select(vec![
            -1, 0, 1, 9, 50, 99, 100, 101, 500, 1_000, 5_000, 1_000_000
        ])
        .prop_map(|number| Some(number.into())),
        prop::sample::select(vec![
            "",
            "USD",
            "EUR",
            "cus_123",
            "production",
            "low",
            "50",
            "x"
        ])
        .prop_map(|text| Some(text.into())),
        Just(Some(json!([]))),
        Just(Some(json!({}))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_change_that_is_claimed_turns_the_verdict_into_an_approval(
        sample in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), value()), 0..3),
    ) {
        let mut input = sample.get(SAMPLES.as_slice()).1.clone();
        if let Some(context) = input["context"].as_object_mut() {
            for (field, value) in edits {
                let keys: Vec<String> = context.keys().cloned().collect();
                if keys.is_empty() {
                    break;
                }
                let key = field.get(&keys);
                match value {
                    Some(value) => context.insert(key.clone(), value),
                    None => context.remove(key),
                };
            }
        }
        held_to_its_word(&SHIPPED, &input);
    }
}
