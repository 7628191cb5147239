//! A decision costs the same in a large set as in a small one. Steps and programs are counted, since times say little on a
//! machine that does other things too; `cargo bench` measures them.

use super::*;
use crate::policy::engine::evaluate::work;

fn rule(index: usize) -> String {
    format!(
        "approve contains \"small\" if {{\n\tinput.action == \"act.{index}\"\n\tinput.context.amount < 100\n\tinput.agent.id in data.trusted\n}}\n\n"
    )
}

fn data() -> Value {
    json!({"trusted": (0..100).map(|n| format!("a{n}")).collect::<Vec<_>>()})
}

/// Programs that are run for a request with this action, and the steps they take.
fn cost(set: &PolicySet, action: usize) -> (usize, usize) {
    let input =
        json!({"action": format!("act.{action}"), "agent": {"id": "a7"}, "context": {"amount": 5}});
    assert_eq!(says(&ask(set, &input)), (Outcome::Approve, Cause::Rule));
    let input = Input::parse(&input.to_string()).unwrap();
    work(
        &set.policies,
        input.document().unwrap(),
        input.action().ok(),
        Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_decision_costs_the_same_in_a_large_package_as_in_a_small_one() {
    let package = |count: usize| {
        format!(
            "package approvals\n\n{}",
            (0..count).map(rule).collect::<String>()
        )
    };
    let small = load(&[("approvals/x.rego", &package(10))], data()).set;
    let large = load(&[("approvals/x.rego", &package(300))], data()).set;
    assert_eq!(large.policies.slices.len(), 300);
    assert_eq!(cost(&large, 250), cost(&small, 5));
    assert_eq!(cost(&large, 250).0, 1);
}

#[test]
fn rules_in_many_packages_are_as_many_programs_and_a_decision_runs_one_of_them() {
    let texts: Vec<(String, String)> = (0..300)
        .map(|index| {
            (
                format!("approvals/p{index}.rego"),
                format!("package approvals.p{index}\n\n{}", rule(index)),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let many = load(&files, data()).set;
    let one = load(&files[..1], data()).set;
    assert_eq!(many.policies.slices.len(), 300);
    assert_eq!(cost(&many, 250), cost(&one, 0));
    assert_eq!(cost(&many, 250).0, 1);
}

#[test]
fn a_program_holds_the_rules_it_runs_and_no_other() {
    let package = |count: usize| {
        format!(
            "package approvals\n\n{}",
            (0..count).map(rule).collect::<String>()
        )
    };
    let instructions = |set: &PolicySet| {
        set.policies
            .slices
            .iter()
            .map(|slice| slice.program.instructions.len())
            .max()
    };
    let small = load(&[("approvals/x.rego", &package(1))], data()).set;
    let large = load(&[("approvals/x.rego", &package(100))], data()).set;
    assert_eq!(instructions(&large), instructions(&small));
}
