//! Three-valued truth, held against a second account of it and against the plain engine.
//!
//! Policies are generated and written in Rego, inputs are generated with things missing, null or of the wrong kind.
//! What is true, false or unknown is reckoned by `reference`, from the law and without the code that is to be judged.

mod grammar;
mod reference;
mod samples;

use std::collections::BTreeSet;

use countersign::domain::verdict::{Cause, Outcome, RuleSet, Truth, Verdict};
use countersign::policy::PolicySet;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::sets;
use grammar::{Body, LOADED, Writer, uses_element};
use reference::World;

/// Rules that are asked together: those of one action.
#[derive(Debug, Clone)]
struct Group {
    rules: Vec<(RuleSet, Body)>,
    /// How the conditions are shuffled.
    order: Vec<Index>,
}

fn group() -> impl Strategy<Value = Group> {
    let approvals = vec((Just(RuleSet::Approve), samples::body(2)), 1..3);
    let veto = prop_oneof![Just(RuleSet::Reject), Just(RuleSet::Escalate)];
    let vetoes = vec((veto, samples::body(2)), 0..3);
    (approvals, vetoes, vec(any::<Index>(), 4)).prop_map(|(mut rules, vetoes, order)| {
        rules.extend(vetoes);
        Group { rules, order }
    })
}

/// A head written at a line, with its body.
struct Written<'a> {
    line: u32,
    set: RuleSet,
    body: &'a Body,
}

struct Text {
    rego: String,
    helpers: Writer,
}

impl Text {
    fn new() -> Self {
        Self {
            rego: "package approvals\n\n".to_owned(),
            helpers: Writer::default(),
        }
    }

    fn rule(&mut self, action: &str, set: RuleSet, name: &str, body: &Body) -> u32 {
        let line = u32::try_from(self.rego.lines().count()).unwrap() + 1;
        let statements = self.helpers.statements(body, "").join("\n\t");
        self.rego += &format!(
            "{set} contains \"{name}\" if {{\n\tinput.action == \"{action}\"; {LOADED}\n\t{statements}\n}}\n\n"
        );
        line
    }

    fn load(&self) -> PolicySet {
        sets::of_text(
            &format!("{}{}", self.rego, self.helpers.helpers),
            samples::data(),
        )
    }
}

/// The groups in one set, the group number `n` for the action `n`.
fn written(groups: &[Group]) -> (Text, Vec<Vec<Written<'_>>>) {
    let mut text = Text::new();
    let rules = groups.iter().enumerate().map(|(number, group)| {
        let each = group.rules.iter().enumerate().map(|(index, (set, body))| {
            let line = text.rule(&number.to_string(), *set, &format!("r{index}"), body);
            Written {
                line,
                set: *set,
                body,
            }
        });
        each.collect()
    });
    let rules = rules.collect();
    (text, rules)
}

fn shuffled(group: &Group) -> Group {
    let mut group = group.clone();
    for (_, body) in &mut group.rules {
        for (at, index) in group.order.iter().enumerate() {
            if at < body.conditions.len() {
                let other = index.index(body.conditions.len());
                body.conditions.swap(at, other);
            }
        }
    }
    group
}

fn ask(action: usize, context: &Value) -> Value {
    json!({"action": action.to_string(), "context": context})
}

fn lines(verdict: &Verdict) -> BTreeSet<u32> {
    verdict.rules.iter().map(|rule| rule.line).collect()
}

/// So many sets of policies, each asked many times, unless `PROPTEST_CASES` says how many: a set takes a while to load.
fn config(sets: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => default.cases,
            None => sets,
        },
        max_shrink_iters: 400,
        failure_persistence: None,
        ..default
    }
}

fn judged<'a>(rules: &[Written<'a>], world: World<'_>) -> Vec<(RuleSet, Truth, &'a Body)> {
    rules
        .iter()
        .map(|rule| (rule.set, world.body(rule.body), rule.body))
        .collect()
}

/// What the law says of a request of which plain Rego says `plain`.
fn lawful(rules: &[(RuleSet, Truth, &Body)], plain: &Verdict) -> (Outcome, Cause) {
    let fired = |set: RuleSet| plain.rules.iter().any(|rule| rule.set == set);
    let approval = |truth: Truth| {
        rules
            .iter()
            .any(|(set, one, _)| *set == RuleSet::Approve && *one == truth)
    };
    let is_clear = rules
        .iter()
        .all(|(set, truth, _)| *set == RuleSet::Approve || *truth == Truth::False);
    if fired(RuleSet::Reject) {
        (Outcome::Reject, Cause::Rule)
    } else if fired(RuleSet::Escalate) {
        (Outcome::Escalate, Cause::Rule)
    } else if approval(Truth::True) && is_clear {
        (Outcome::Approve, Cause::Rule)
    } else if approval(Truth::True) || approval(Truth::Unknown) {
        (Outcome::Escalate, Cause::Evidence)
    } else {
        (Outcome::Escalate, Cause::NoRule)
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn what_the_reference_knows_is_what_the_plain_engine_gives(
        bodies in vec(samples::body(2), 1..40),
        contexts in vec(samples::context_of_a_request(), 8),
    ) {
        // Each condition alone, with the statement that binds its names; and the body as a whole.
        let mut text = Text::new();
        let mut alone = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            let whole = text.rule(&number.to_string(), RuleSet::Approve, "whole", body);
            let mut rules = vec![(whole, body.clone())];
            for (index, condition) in body.conditions.iter().enumerate() {
                let one = Body {
                    binding: body.binding.clone().filter(|_| uses_element(condition)),
                    conditions: vec![condition.clone()],
                };
                rules.push((text.rule(&number.to_string(), RuleSet::Approve, &format!("c{index}"), &one), one));
            }
            alone.push(rules);
        }
        let set = text.load();
        let data = samples::data();
        for context in &contexts {
            let input = json!({"context": context.value});
            let world = World { input: &input, data: &data, element: None };
            for (number, rules) in alone.iter().enumerate() {
                let verdict = sets::plain(&set, &ask(number, &context.value));
                if !verdict.failures.is_empty() { continue; }
                let fired = lines(&verdict);
                for (line, body) in rules {
                    let truth = world.body(body);
                    let holds = if fired.contains(line) { Truth::True } else { Truth::False };
                    prop_assert!(truth == Truth::Unknown || truth == holds, "{truth}, and plain Rego says {holds}: {body:?}\nof {context:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn what_is_explained_is_what_the_law_says(
        groups in vec(group(), 1..12),
        contexts in vec(samples::context_of_a_request(), 6),
    ) {
        let (text, rules) = written(&groups);
        let set = text.load();
        let data = samples::data();
        for context in &contexts {
            let input = json!({"context": context.value});
            let world = World { input: &input, data: &data, element: None };
            for (action, rules) in rules.iter().enumerate() {
                let document = ask(action, &context.value);
                let explained = sets::explained(&set, &document);
                let fired = lines(&sets::plain(&set, &document));
                prop_assert_eq!(explained.rules.len(), rules.len());
                for (rule, written) in explained.rules.iter().zip(rules) {
                    prop_assert_eq!((rule.line, rule.set), (written.line, written.set));
                    prop_assert_eq!(rule.truth, world.body(written.body), "{:?}\nof {:?}", written.body, context);
                    prop_assert_eq!(!rule.reasons.is_empty(), fired.contains(&rule.line), "fires, {:?}\nof {:?}", written.body, context);
                    for (truth, line) in world.each(written.body).into_iter().zip(written.line + 2..) {
                        let found: Vec<_> = rule.conditions.iter().filter(|condition| condition.line == line).collect();
                        prop_assert_eq!(found.len(), 1, "line {} of {:?}", line, written.body);
                        prop_assert_eq!(found[0].truth, truth, "`{}` of {:?}\nof {:?}", found[0].text, written.body, context);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_decided_is_what_the_law_says_and_never_more_than_plain_rego_approves(
        groups in vec(group(), 1..12),
        contexts in vec(samples::context_of_a_request(), 6),
    ) {
        let (text, rules) = written(&groups);
        let set = text.load();
        let data = samples::data();
        for context in &contexts {
            let input = json!({"context": context.value});
            let world = World { input: &input, data: &data, element: None };
            for (action, rules) in rules.iter().enumerate() {
                let document = ask(action, &context.value);
                let (plain, verdict) = (sets::plain(&set, &document), sets::guarded(&set, &document));
                let judged = judged(rules, world);
                let about = || format!("{:#?}\nof {context:?}\n{:?} {:?}", judged, verdict.evidence, verdict.failures);
                if verdict.outcome == Outcome::Approve {
                    prop_assert_eq!(plain.outcome, Outcome::Approve, "{}", about());
                }
                prop_assert_eq!(lines(&verdict), lines(&plain), "{}", about());
                prop_assert_eq!((verdict.outcome, verdict.cause), lawful(&judged, &plain), "{}", about());
                prop_assert_eq!(verdict.cause == Cause::Evidence, !verdict.evidence.is_empty(), "{}", about());
                if judged.iter().all(|(_, truth, _)| *truth != Truth::Unknown) {
                    prop_assert_eq!((verdict.outcome, verdict.cause), (plain.outcome, plain.cause), "{}", about());
                }
            }
        }
    }

    #[test]
    fn the_order_of_conditions_never_matters(
        groups in vec(group(), 1..12),
        contexts in vec(samples::context_of_a_request(), 6),
    ) {
        let other: Vec<Group> = groups.iter().map(shuffled).collect();
        let (one, other) = (written(&groups).0.load(), written(&other).0.load());
        for context in &contexts {
            for (action, group) in groups.iter().enumerate() {
                let document = ask(action, &context.value);
                let (one, other) = (sets::guarded(&one, &document), sets::guarded(&other, &document));
                let said = |verdict: &Verdict| (verdict.outcome, verdict.cause, lines(verdict));
                prop_assert_eq!(said(&one), said(&other), "{:?}\nof {:?}", group, context);
            }
        }
    }
}

/// What stands between a request and an approval here is not lost when a loop is run for nothing.
#[test]
fn what_comes_after_an_empty_loop_is_still_looked_at() {
    let data = json!({"blocked": {"mallory": true}, "numbers": [0, 50], "none": []});
    let request = json!({"action": "a", "items": [], "n": 0, "k": "x"});
    for condition in [
        "count([item | some item in input.items; data.blocked[item.kind]]) == 0\n\tinput.n in data.numbers",
        "every item in input.items { data.blocked[item.kind] }\n\tinput.n in data.numbers",
        "found := {item | some item in input.items; data.blocked[item.kind]}\n\tcount(found) == 0\n\tinput.n in data.numbers",
        "sum([p | some item in input.items; p := data.prices[item.kind]]) == 0\n\tinput.n == data.numbers[0]",
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if input.action == \"a\"\n\nreject contains \"no\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n"
        );
        assert_not_approved(&text, &data, &request);
    }
    for condition in [
        "count([one | some one in data.none; one == input.k]) == 0\n\tinput.n == 0",
        "every one in data.none { one == input.k }\n\tinput.n == 0",
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if {{\n\tinput.action == \"a\"\n\tnot bad\n}}\n\nbad if {{\n\t{condition}\n}}\n"
        );
        assert_not_approved(&text, &data, &request);
    }
}

/// An `else` below a branch that iterates is reached where the branch does not hold.
#[test]
fn what_comes_after_a_branch_that_iterates_is_still_looked_at() {
    let request = json!({"action": "a", "items": [{"safe": false}]});
    for (condition, helper) in [
        (
            "not risk == \"high\"",
            "risk := \"low\" if {\n\tsome item in input.items\n\titem.safe\n}\n\nelse := \"high\"",
        ),
        (
            "not risk == \"high\"",
            "risk := \"low\" if input.items[_].safe\n\nelse := \"high\"",
        ),
        (
            "not risk(input.items) == \"high\"",
            "risk(items) := \"low\" if {\n\tsome item in items\n\titem.safe\n}\n\nelse := \"high\"",
        ),
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n\n{helper}\n"
        );
        assert_not_approved(&text, &json!({}), &request);
    }
}

/// Refused at load, or not approved.
fn assert_not_approved(text: &str, data: &Value, request: &Value) {
    if let Ok(set) = sets::try_text(text, data.clone()) {
        let verdict = sets::guarded(&set, request);
        assert_ne!(verdict.outcome, Outcome::Approve, "{text}\n{verdict:#?}");
    }
}
