//! Three-valued truth, held against a second account of it and against the plain engine.
//!
//! Policies are generated and written in Rego, inputs are generated with things missing, null or of the wrong kind.
//! What is true, false or unknown is reckoned by `reference`, from the law and without the code that is to be judged.

mod grammar;
mod loops;
mod reference;
mod samples;

use std::cell::Cell;
use std::collections::BTreeSet;

use countersign::domain::explanation::ExplainedCondition;
use countersign::domain::verdict::{Cause, Outcome, RuleSet, Truth, Verdict};
use countersign::policy::PolicySet;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::sets;
use grammar::{Body, LOADED, Writer, uses_element};
use reference::World;
use samples::Context;

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
        let text = format!(
            "{set} contains \"{name}\" if {{\n\tinput.action == \"{action}\"; {LOADED}\n\t{statements}\n}}\n\n"
        );
        self.rego.push_str(&text);
        line
    }

    fn load(&self) -> PolicySet {
        sets::of_text(
            &format!("{}{}", self.rego, self.helpers.helpers.concat()),
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

/// Tries sets of generated groups with generated requests; how often `check` says that it looked.
fn tried(sets: u32, check: impl Fn(&[Group], &[Context]) -> Result<usize, TestCaseError>) -> usize {
    let looked = Cell::new(0);
    let strategy = (vec(group(), 1..12), vec(samples::context_of_a_request(), 6));
    let done = TestRunner::new(config(sets)).run(&strategy, |(groups, contexts)| {
        looked.set(looked.get() + check(&groups, &contexts)?);
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
    looked.get()
}

#[test]
fn what_the_reference_knows_is_what_the_plain_engine_gives() {
    let looked = tried(40, |groups, contexts| {
        // Each condition alone, with the statement that binds its names; and the body as a whole.
        let mut text = Text::new();
        let mut alone = Vec::new();
        for (number, (_, body)) in groups.iter().flat_map(|group| &group.rules).enumerate() {
            let conditions = body.conditions.iter().map(|condition| Body {
                binding: body.binding.clone().filter(|_| uses_element(condition)),
                conditions: vec![condition.clone()],
            });
            let mut rules = Vec::new();
            for (index, body) in conditions.chain([body.clone()]).enumerate() {
                let (action, name) = (number.to_string(), format!("c{index}"));
                rules.push((text.rule(&action, RuleSet::Approve, &name, &body), body));
            }
            alone.push(rules);
        }
        let set = text.load();
        let data = samples::data();
        let mut looked = 0;
        for context in contexts {
            let input = json!({"context": context.value});
            let world = World::of(&input, &data);
            for (number, rules) in alone.iter().enumerate() {
                let verdict = sets::plain(&set, &ask(number, &context.value));
                if !verdict.failures.is_empty() {
                    continue;
                }
                let fired = lines(&verdict);
                for (line, body) in rules {
                    let holds = if fired.contains(line) {
                        Truth::True
                    } else {
                        Truth::False
                    };
                    let truth = world.body(body);
                    prop_assert!(
                        truth == Truth::Unknown || truth == holds,
                        "{truth}, and plain Rego says {holds}: {body:?}\nof {context:?}"
                    );
                    looked += usize::from(truth != Truth::Unknown);
                }
            }
        }
        Ok(looked)
    });
    assert!(looked > 3_000, "{looked}");
}

#[test]
fn what_is_explained_is_what_the_law_says() {
    let looked = tried(40, |groups, contexts| {
        let (text, rules) = written(groups);
        let set = text.load();
        let data = samples::data();
        let mut looked = 0;
        for context in contexts {
            let input = json!({"context": context.value});
            let world = World::of(&input, &data);
            for (action, rules) in rules.iter().enumerate() {
                let document = ask(action, &context.value);
                let explained = sets::explained(&set, &document);
                let fired = lines(&sets::plain(&set, &document));
                prop_assert_eq!(explained.rules.len(), rules.len());
                for (rule, written) in explained.rules.iter().zip(rules) {
                    let about = || format!("{:?}\nof {context:?}", written.body);
                    prop_assert_eq!((rule.line, rule.set), (written.line, written.set));
                    prop_assert_eq!(rule.truth, world.body(written.body), "{}", about());
                    let gives = !rule.reasons.is_empty();
                    prop_assert_eq!(gives, fired.contains(&rule.line), "fires: {}", about());
                    let each = world.each(written.body);
                    for (truth, line) in each.into_iter().zip(written.line + 2..) {
                        let at = |one: &&ExplainedCondition| one.line == line;
                        let [condition] = rule.conditions.iter().filter(at).collect::<Vec<_>>()[..]
                        else {
                            panic!("not one condition on line {line} of {}", about());
                        };
                        let text = &condition.text;
                        prop_assert_eq!(condition.truth, truth, "`{}` of {}", text, about());
                        looked += 1;
                    }
                }
            }
        }
        Ok(looked)
    });
    assert!(looked > 3_000, "{looked}");
}

#[test]
fn what_is_decided_is_what_the_law_says_and_never_more_than_plain_rego_approves() {
    let looked = tried(40, |groups, contexts| {
        let (text, rules) = written(groups);
        let set = text.load();
        let data = samples::data();
        for context in contexts {
            let input = json!({"context": context.value});
            let world = World::of(&input, &data);
            for (action, rules) in rules.iter().enumerate() {
                let document = ask(action, &context.value);
                let plain = sets::plain(&set, &document);
                let verdict = sets::guarded(&set, &document);
                let judged = judged(rules, world);
                let about = || {
                    let (evidence, failures) = (&verdict.evidence, &verdict.failures);
                    format!("{judged:#?}\nof {context:?}\n{evidence:?} {failures:?}")
                };
                let said = (verdict.outcome, verdict.cause);
                if verdict.outcome == Outcome::Approve {
                    prop_assert_eq!(plain.outcome, Outcome::Approve, "{}", about());
                }
                prop_assert_eq!(lines(&verdict), lines(&plain), "{}", about());
                prop_assert_eq!(said, lawful(&judged, &plain), "{}", about());
                let is_asked = verdict.cause == Cause::Evidence;
                prop_assert_eq!(is_asked, !verdict.evidence.is_empty(), "{}", about());
                // With all evidence there, the guard changes nothing.
                if judged.iter().all(|(_, truth, _)| *truth != Truth::Unknown) {
                    prop_assert_eq!(said, (plain.outcome, plain.cause), "{}", about());
                }
            }
        }
        Ok(groups.len() * contexts.len())
    });
    assert!(looked > 900, "{looked}");
}

#[test]
fn the_order_of_conditions_never_matters() {
    tried(40, |groups, contexts| {
        let other: Vec<Group> = groups.iter().map(shuffled).collect();
        let (one, other) = (written(groups).0.load(), written(&other).0.load());
        for context in contexts {
            for (action, group) in groups.iter().enumerate() {
                let said = |set: &PolicySet| {
                    let verdict = sets::guarded(set, &ask(action, &context.value));
                    (verdict.outcome, verdict.cause, lines(&verdict))
                };
                prop_assert_eq!(said(&one), said(&other), "{:?}\nof {:?}", group, context);
            }
        }
        Ok(groups.len() * contexts.len())
    });
}

#[test]
fn every_change_that_is_claimed_to_be_enough_is_enough() {
    let claimed = tried(40, |groups, contexts| {
        let set = written(groups).0.load();
        let mut claims = 0;
        for context in contexts {
            for (action, group) in groups.iter().enumerate() {
                let document = ask(action, &context.value);
                let verdict = sets::accounted(&set, &document);
                let Some(claimed) = &verdict.counterfactual else {
                    continue;
                };
                let about = || format!("{claimed:?}\n{group:?}\nof {context:?}");
                prop_assert_ne!(verdict.outcome, Outcome::Approve, "{}", about());
                prop_assert_eq!(claimed.outcome, Outcome::Approve, "{}", about());
                let mut changed = document.clone();
                for change in &claimed.set {
                    let there = document.pointer(&change.path);
                    prop_assert_eq!(there, change.from.as_ref(), "{}", about());
                    changed = with(&changed, &change.path, &change.to);
                }
                let then = sets::guarded(&set, &changed).outcome;
                prop_assert_eq!(then, Outcome::Approve, "{}", about());
                claims += 1;
            }
        }
        Ok(claims)
    });
    assert!(claimed > 50, "{claimed}");
}

/// The document with another value there.
fn with(document: &Value, pointer: &str, value: &Value) -> Value {
    let mut document = document.clone();
    if let Some(there) = document.pointer_mut(pointer) {
        there.clone_from(value);
        return document;
    }
    // What is absent is added, with the objects on the way to it.
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut above = document.pointer(parent).cloned().unwrap_or(json!({}));
    above
        .as_object_mut()
        .unwrap()
        .insert(key.to_owned(), value.clone());
    with(&document, parent, &above)
}
