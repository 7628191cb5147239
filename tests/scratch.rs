use countersign::policy::{
    Budget, Input, PolicySet, decide, decide_plain, explain, folder::PolicyFiles,
};
use std::time::Duration;
#[test]
fn scratch() {
    let dir = std::env::var("SCRATCH").unwrap();
    let files = PolicyFiles::read(std::path::Path::new(&dir)).unwrap();
    let set = match PolicySet::load(
        files,
        Budget {
            time: Duration::from_secs(30),
            ..Budget::default()
        },
    ) {
        Ok(l) => l.set,
        Err(e) => {
            for d in e {
                println!("{}", d.render(countersign::diagnostic::Paint::Plain));
            }
            return;
        }
    };
    let input = Input::parse(&std::fs::read_to_string(format!("{dir}/in.json")).unwrap()).unwrap();
    let now = "2026-11-23T10:00:00Z".parse().unwrap();
    let p = decide_plain(&set, &input, now);
    println!(
        "plain {} {} {:?} {:?}",
        p.outcome,
        p.cause,
        p.rules.iter().map(|r| &r.id).collect::<Vec<_>>(),
        p.failures
    );
    let v = decide(&set, &input, now);
    println!(
        "guard {} {} {:?} {:?} {:?}",
        v.outcome,
        v.cause,
        v.rules.iter().map(|r| &r.id).collect::<Vec<_>>(),
        v.evidence
            .iter()
            .map(|e| (&e.path, &e.saw, e.line))
            .collect::<Vec<_>>(),
        v.failures
    );
    for r in explain(&set, &input, now).rules {
        println!(
            "{} {} reasons {:?} reads {:?}",
            r.id, r.truth, r.reasons, r.reads
        );
        for c in r.conditions {
            println!(
                "   {} {}  {:?} missing {:?}",
                c.truth,
                c.text,
                c.values,
                c.missing
                    .iter()
                    .map(|m| (&m.path, &m.saw))
                    .collect::<Vec<_>>()
            );
            for h in c.helpers {
                println!("       {} {}", h.name, h.truth);
                for c in h.conditions {
                    println!("          {} {} {:?}", c.truth, c.text, c.missing);
                }
            }
        }
    }
}
