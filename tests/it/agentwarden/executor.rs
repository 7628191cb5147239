//! The handler of AgentWarden's own page, in Python, waits behind us: what we approve it executes, once.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{Office, id, pending, resolved};
use crate::harness::{APPROVER, eventually};

/// `examples/agentwarden/executor.py` as a process of its own.
struct Executor {
    child: Child,
    url: String,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Executor {
    async fn start() -> Self {
        let flask = Command::new("python3")
            .args(["-c", "import flask"])
            .output();
        assert!(
            flask.is_ok_and(|tried| tried.status.success()),
            "this test needs python3 with Flask: Debian's package python3-flask, or `pip install flask`"
        );
        let mut child = Command::new("python3")
            .args(["executor.py", "--port", "0"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/agentwarden"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                log.lock().unwrap().push(line);
            }
        });
        let url = eventually("the executor says where it listens", async || {
            let lines = lines.lock().unwrap();
            Some(lines.first()?.rsplit_once(' ')?.1.to_owned())
        })
        .await;
        Self { child, url, lines }
    }

    /// What it did so far: the word, the action, the context.
    fn done(&self) -> Vec<(String, String, Value)> {
        let lines = self.lines.lock().unwrap();
        let read = |line: &String| {
            let (word, rest) = line.split_once(": ").unwrap();
            let (action, context) = rest.split_once(' ').unwrap();
            let context = serde_json::from_str(context).unwrap();
            (word.to_owned(), action.to_owned(), context)
        };
        lines.iter().skip(1).map(read).collect()
    }

    async fn did(&self, count: usize) -> Vec<(String, String, Value)> {
        eventually("the executor did it", async || {
            let done = self.done();
            (done.len() >= count).then_some(done)
        })
        .await
    }
}

async fn office() -> (Executor, Office) {
    let executor = Executor::start().await;
    let office = Office::open_with(&[&format!("forward_to: {}", executor.url)]).await;
    (executor, office)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_approve_the_handler_of_the_page_executes_once_with_the_context_of_the_record() {
    let (executor, office) = office().await;
    let record = office.asked(1, 50);
    let case = office.accepted(&pending(&record)).await;
    office.settled(&case).await;
    let executed = (
        "executed".to_owned(),
        "stripe.refund".to_owned(),
        record["context"].clone(),
    );
    assert_eq!(executor.did(1).await, std::slice::from_ref(&executed));
    // The platform delivers again, since it did not hear our 200.
    let again = resolved(&record, "approved", super::api::OUR_USER);
    office.told(&again).await;
    office.idle().await;
    assert_eq!(executor.done(), [executed]);
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_or_forged_the_handler_does_not_execute() {
    let (executor, office) = office().await;
    let huge = office.asks(1, 20_000).await;
    office.settled(&huge).await;
    let mut forged = pending(&office.asked(2, 5_000));
    forged["data"]["context"]["amount"] = json!(5);
    let case = office.accepted(&forged).await;
    office.left_to_people(&case).await;
    office
        .server
        .vote(APPROVER, &case, "reject", "somebody lies")
        .await;
    office.settled(&case).await;
    let done = executor.did(2).await;
    office.idle().await;
    let words: Vec<&str> = done.iter().map(|(word, ..)| word.as_str()).collect();
    assert_eq!(words, ["not executed", "not executed"]);
    assert_eq!(executor.done().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_approves_here_the_handler_executes() {
    let (executor, office) = office().await;
    let case = office.asks(1, 500).await;
    office.verdict(&case, "open").await;
    office
        .server
        .vote(APPROVER, &case, "approve", "talked to the customer")
        .await;
    office.settled(&case).await;
    let done = executor.did(1).await;
    assert_eq!(done[0].2["amount"], 500);
    office.idle().await;
    assert_eq!(executor.done().len(), 1);
}
