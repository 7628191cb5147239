use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use countersign::domain::rationale;
use countersign::policy::folder::PolicyFiles;
use countersign::policy::{Budget, Input, PolicySet, decide, decide_plain, explain};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use crate::report::{at_most, median, microseconds, note, thread_cpu};
use crate::sets::{self, Shape};

const ROUNDS: usize = 9;
const EVALUATIONS: u32 = 2_000;
const EXPLANATIONS: u32 = 50;
/// How many rules are explained.
const APPLICABLE: usize = 100;

/// What the guard costs: a decision with its short rationale against the engine alone, both from the text of the input,
/// for a request that is approved; and an explanation of many rules.
pub(crate) fn guard() {
    let set = sets::load(Shape::OnePackage, 10);
    let input = sets::input();
    let text = input.text().to_owned();
    let mut plain = Plain::new();
    let mut figures: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let works: [&mut dyn FnMut(); 4] = [
            &mut || {
                let input = Input::parse(black_box(&text)).unwrap();
                let verdict = decide(&set, &input, sets::now());
                black_box(rationale::short(&verdict));
            },
            &mut || {
                black_box(plain.evaluate(Value::from_json_str(black_box(&text)).unwrap()));
            },
            &mut || {
                let verdict = decide(&set, black_box(&input), sets::now());
                black_box(rationale::short(&verdict));
            },
            &mut || {
                black_box(decide_plain(&set, black_box(&input), sets::now()));
            },
        ];
        for (figures, work) in figures.iter_mut().zip(works) {
            figures.push(each(EVALUATIONS, work));
        }
    }
    let [ours, engine, decided, decided_plain] = figures.map(median);
    note(&format!(
        "from text: decide with guard and short rationale {ours:.1} µs of CPU, the engine's virtual machine alone {engine:.1} µs"
    ));
    note(&format!(
        "from the input: decide and short rationale {decided:.1} µs, without the guard's judgement {decided_plain:.1} µs"
    ));
    at_most(
        "guard: decide with short rationale / plain evaluation, from text",
        ours / engine,
        2.0,
        "x",
    );
    let many = many();
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        figures.push(each(EXPLANATIONS, &mut || {
            black_box(explain(&many, black_box(&input), sets::now()));
        }));
    }
    at_most(
        "explain: 100 applicable rules, milliseconds",
        median(figures) / 1e3,
        1.0,
        "ms",
    );
}

fn each(times: u32, work: &mut dyn FnMut()) -> f64 {
    let before = thread_cpu();
    for _ in 0..times {
        work();
    }
    microseconds(thread_cpu().saturating_sub(before) / times)
}

/// Ten times the ten rules for the action.
fn many() -> PolicySet {
    let mut files = sets::texts(Shape::OnePackage, 10);
    let (_, text) = files.pop().unwrap();
    for copy in 0..APPLICABLE / 10 {
        let package = format!("package approvals.pay{copy}");
        files.push((
            format!("approvals/pay{copy}/pay.rego"),
            text.replace("package approvals.pay", &package),
        ));
    }
    let set = PolicySet::load(PolicyFiles::of(files).unwrap(), Budget::default());
    set.unwrap().set
}

/// The same rules in the engine and nothing around it.
struct Plain {
    vm: RegoVM,
}

impl Plain {
    fn new() -> Self {
        let mut engine = Engine::new();
        for (path, text) in sets::texts(Shape::OnePackage, 10) {
            if path == "data.json" {
                engine
                    .add_data(Value::from_json_str(&text).unwrap())
                    .unwrap();
            } else {
                engine.add_policy(path, text).unwrap();
            }
        }
        let entries =
            ["approve", "reject", "escalate"].map(|set| format!("data.approvals.pay.{set}"));
        let names: Vec<&str> = entries.iter().map(String::as_str).collect();
        let first: Arc<str> = entries[0].as_str().into();
        let policy = engine.compile_with_entrypoint(&first).unwrap();
        let program = Compiler::compile_from_policy(&policy, &names).unwrap();
        let mut vm = RegoVM::new();
        vm.load_program(program);
        let data = sets::texts(Shape::OnePackage, 10).remove(0).1;
        vm.set_data(Value::from_json_str(&data).unwrap()).unwrap();
        vm.set_max_instructions(200_000);
        vm.set_execution_timer_config(Some(regorus::utils::limits::ExecutionTimerConfig {
            limit: Duration::from_secs(1),
            check_interval: NonZeroU32::MIN.saturating_add(63),
        }));
        Self { vm }
    }

    fn evaluate(&mut self, input: Value) -> [Value; 3] {
        self.vm.set_input(input);
        [0, 1, 2].map(|entry| self.vm.execute_entry_point_by_index(entry).unwrap())
    }
}
