//! `examples/people`, end to end: the server on the example's own config, people who are added as it says, its agent, and
//! the tool of its team.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::desk::{Ran, copy_folder, program};
use crate::page::blocks;

/// The example as a clone has it, set up as its page says.
struct Example {
    folder: tempfile::TempDir,
    running: Vec<Child>,
    ports: [(&'static str, u16); 3],
}

impl Drop for Example {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Example {
    fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        for name in ["people", "http-agent"] {
            copy_folder(&examples.join(name), &folder.path().join(name));
        }
        let example = Self {
            folder,
            running: Vec::new(),
            // The usual ports may be taken on this machine.
            ports: ["8787", "8788", "8799"].map(|usual| (usual, free_port())),
        };
        let config = example.here().join("countersign.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, example.reached(&text)).unwrap();
        std::fs::create_dir_all(example.here().join("secrets")).unwrap();
        for (name, secret) in [
            ("billing-bot", "the-token-of-billing-bot-0123456789"),
            ("hook", "dGhlIHNlY3JldCBvZiB3aGF0IGlzIHRvbGQsIHRvbGQ="),
            ("decisions", "dGhlIHNlY3JldCBvZiB3aGF0IGlzIHNhaWQsIHNhaWQ="),
        ] {
            std::fs::write(example.here().join("secrets").join(name), secret).unwrap();
        }
        example
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("people")
    }

    fn reached(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (usual, port)| {
                text.replace(&format!("127.0.0.1:{usual}"), &format!("127.0.0.1:{port}"))
            })
    }

    fn countersign(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).current_dir(self.here());
        command
    }

    fn says(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.countersign(arguments).output().unwrap())
    }

    /// Adds somebody, and keeps their token in a file of their name.
    fn add(&self, name: &str, role: &str) {
        let ran = self.says(&["user", "add", name, "--role", role, "--token"]);
        assert_eq!(ran.status, 0, "{ran:?}");
        let token = ran.out.lines().find(|line| line.starts_with("cs_"));
        std::fs::write(self.here().join(name), token.unwrap()).unwrap();
    }

    fn vote(&self, name: &str, case: &str, reason: &str) -> Ran {
        let url = self.reached("http://127.0.0.1:8788");
        let arguments = ["approve", case, "--reason", reason, "--url", &url];
        self.says(&[&arguments[..], &["--token-file", name]].concat())
    }

    /// Starts `command`, whose lines come one by one.
    fn start(
        &mut self,
        mut command: Command,
    ) -> std::io::Lines<BufReader<std::process::ChildStdout>> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        self.running.push(child);
        lines
    }

    fn serve(&mut self) {
        let mut child = self
            .countersign(&["run"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stdout.take().unwrap());
        self.running.push(child);
        let mut said = String::new();
        while !said.contains("listening: ") {
            assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
        }
        // A log that nobody reads would stop the server.
        std::thread::spawn(move || log.read_to_string(&mut String::new()));
    }

    fn python(&self, script: &str, arguments: &[&str]) -> Command {
        let mut python = Command::new("python3");
        python
            .arg(script)
            .args(arguments)
            .current_dir(self.here())
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY");
        python
    }

    fn agent(&self, refund: &str, amount: &str) -> Command {
        let url = self.reached("http://127.0.0.1:8787");
        let arguments = [refund, amount, "--url", &url, "--patience", "60"];
        self.python("../http-agent/agent.py", &arguments)
    }

    fn console(&self, more: &[&str]) -> Command {
        let decisions = self.reached("http://127.0.0.1:8787/v1/teams/payments/decisions");
        let port = self.ports[2].1.to_string();
        let arguments = [&["--port", &port, "--decisions", &decisions], more].concat();
        self.python("console.py", &arguments)
    }
}

#[test]
fn the_example_of_teams_is_a_config_and_policies_that_pass() {
    let example = Example::set_up();
    for (name, role) in [
        ("alice", "approver"),
        ("bob", "approver"),
        ("carol", "admin"),
    ] {
        example.add(name, role);
    }
    for arguments in [
        &["config", "check"][..],
        &["check", "--strict", "policies"],
        &["test", "--fail-on-empty", "policies"],
        &["probe", "policies"],
    ] {
        let ran = example.says(arguments);
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:?}");
        assert!(!ran.out.contains("warning["), "{arguments:?}: {ran:?}");
        assert!(!ran.err.contains("warning["), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn one_of_the_team_and_its_tool_are_the_two_that_a_large_refund_takes() {
    let mut example = Example::set_up();
    for (name, role) in [
        ("alice", "approver"),
        ("bob", "approver"),
        ("carol", "admin"),
    ] {
        example.add(name, role);
    }
    example.serve();
    let console = example.console(&["--approve", "the books say so"]);
    let mut console = example.start(console);
    let small = Ran::of(&example.agent("refund-1", "50").output().unwrap());
    assert_eq!(small.status, 0, "{small:?}");

    let agent = example.agent("refund-2", "600");
    let mut agent = example.start(agent);
    let asked = agent.next().unwrap().unwrap();
    assert!(asked.contains("needs two people"), "{asked}");
    let case = asked.split(':').next().unwrap().to_owned();
    let told = console.next().unwrap().unwrap();
    assert_eq!(
        told,
        format!("escalation.asked {case} stripe.refund by billing-bot")
    );
    let mut next = |what: &str| {
        let line = console.find(|line| line.as_ref().unwrap().starts_with(what));
        line.unwrap().unwrap()
    };
    assert_eq!(next("voted: "), "voted: open", "it is one of two");

    let owner = example.vote("bob", &case, "mine");
    assert_ne!(owner.status, 0, "{owner:?}");
    let voted = example.vote("alice", &case, "called the customer");
    assert_eq!(voted.status, 0, "{voted:?}");
    let decided = agent.next().unwrap().unwrap();
    assert!(decided.contains(": approved by "), "{decided}");
    assert!(next("approved by ").contains("alice"));

    let late = example.vote("carol", &case, "too late");
    assert_eq!(late.status, 2, "{late:?}");
    assert!(
        late.err.contains("alice") || late.out.contains("alice"),
        "{late:?}"
    );
}

#[test]
fn every_config_on_the_pages_about_people_passes() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("countersign.yaml");
    let mut checked = 0;
    for page in ["docs/people.md", "docs/mail-and-webhooks.md"] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(&page).unwrap();
        for block in blocks(&text).iter().filter(|block| block.info == "yaml") {
            let text = block.lines.join("\n");
            std::fs::write(&config, &text).unwrap();
            let output = program()
                .args(["config", "check", "-c"])
                .arg(&config)
                .output()
                .unwrap();
            let ran = Ran::of(&output);
            assert_eq!(ran.status, 0, "{}: {text}\n{ran:?}", page.display());
            checked += 1;
        }
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn every_metric_of_people_is_on_their_page_and_in_an_alert() {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let (page, alerts) = (read("docs/people.md"), read("examples/deploy/alerts.yaml"));
    for metric in [
        "countersign_escalations_open",
        "countersign_escalation_age_seconds",
        "countersign_escalation_duration_seconds",
        "countersign_notices_total",
        "countersign_users_refused",
    ] {
        assert!(page.contains(&format!("`{metric}`")), "{metric}");
        assert!(alerts.contains(metric), "{metric}");
    }
    // The label of questions to a team that is not there.
    let unknown = r#"team="(unknown)""#;
    assert!(page.contains(unknown) && alerts.contains(unknown));
}
