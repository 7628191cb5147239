use super::*;

fn rule(index: usize) -> String {
    format!(
        "approve contains \"small\" if {{\n\tinput.action == \"act.{index}\"\n\tinput.context.amount < 100\n\tinput.agent.id in data.trusted\n}}\n\n"
    )
}

fn cost(set: &PolicySet, action: usize) -> Duration {
    let input =
        json!({"action": format!("act.{action}"), "agent": {"id": "a7"}, "context": {"amount": 5}});
    let input = Input::parse(&input.to_string()).unwrap();
    let once = || {
        let started = Instant::now();
        for _ in 0..200 {
            assert_eq!(
                decide(set, &input, Timestamp::UNIX_EPOCH).outcome,
                Outcome::Approve
            );
        }
        started.elapsed() / 200
    };
    (0..5).map(|_| once()).min().unwrap()
}

fn data() -> Value {
    json!({"trusted": (0..100).map(|n| format!("a{n}")).collect::<Vec<_>>()})
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
    let large = load(&[("approvals/x.rego", &package(2_000))], data()).set;
    let (small, large) = (cost(&small, 5), cost(&large, 1_500));
    assert!(large < small * 3, "{small:?} {large:?}");
}

#[test]
fn ten_thousand_rules_in_as_many_packages_load_in_seconds_and_cost_as_one() {
    let texts: Vec<(String, String)> = (0..10_000)
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
    let started = Instant::now();
    let many = load(&files, data()).set;
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    let one = load(&files[..1], data()).set;
    let (one, many) = (cost(&one, 0), cost(&many, 9_000));
    assert!(many < one * 3, "{one:?} {many:?}");
}
