//! `examples/http-agent`, end to end: the server on the example's own config, and its agent.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::desk::{Ran, copy_folder, program};

/// The example as a clone has it, served.
struct Example {
    folder: tempfile::TempDir,
    server: Child,
    intake: String,
    operators: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Example {
    fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy_folder(&root.join("policies"), &folder.path().join("policies"));
        let here = folder.path().join("examples/http-agent");
        copy_folder(&root.join("examples/http-agent"), &here);
        std::fs::create_dir_all(here.join("secrets")).unwrap();
        for name in ["billing-bot", "alice"] {
            let token = format!("the-token-of-{name}-0123456789\n");
            std::fs::write(here.join("secrets").join(name), token).unwrap();
        }
        // The usual ports may be taken on this machine.
        let config = here.join("countersign.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replace("127.0.0.1:8787", "127.0.0.1:0");
        std::fs::write(&config, text.replace("127.0.0.1:8788", "127.0.0.1:0")).unwrap();

        let mut server = program()
            .arg("run")
            .current_dir(&here)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap());
        let listening = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0);
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["intake"].is_string() {
                break line;
            }
        };
        // A log that nobody reads would stop the server.
        std::thread::spawn(move || lines.read_to_string(&mut String::new()));
        let url = |name: &str| format!("http://{}", listening[name].as_str().unwrap());
        Self {
            folder,
            server,
            intake: url("intake"),
            operators: url("operators"),
        }
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("examples/http-agent")
    }

    fn agent(&self, arguments: &[&str]) -> Command {
        let mut agent = Command::new("python3");
        agent
            .arg("agent.py")
            .args(["--url", &self.intake, "--patience", "60"])
            .args(arguments)
            .current_dir(self.here())
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY");
        agent
    }

    fn asked(&self, arguments: &[&str]) -> Output {
        self.agent(arguments).output().unwrap()
    }

    fn countersign(&self, arguments: &[&str]) -> Ran {
        let mut command = program();
        command.args(arguments).current_dir(self.here());
        if arguments[0] != "cases" {
            command.env("COUNTERSIGN_URL", &self.operators);
        }
        Ran::of(&command.output().unwrap())
    }
}

#[test]
fn the_example_agent_acts_on_a_yes_alone_and_asking_twice_is_one_request() {
    let example = Example::serve();
    let small = example.asked(&["refund-1", "50"]);
    let again = example.asked(&["refund-1", "50"]);
    assert_eq!(Ran::of(&small).status, 0, "{small:?}");
    assert_eq!((small.status, small.stdout), (again.status, again.stdout));

    let other = Ran::of(&example.asked(&["refund-1", "60"]));
    assert_eq!(other.status, 1, "{other:?}");
    assert!(other.err.contains("refused with 422"), "{other:?}");

    let fraud = Ran::of(&example.asked(&["refund-2", "50", "--customer", "cus_fraud_1"]));
    assert_eq!(fraud.status, 2, "{fraud:?}");
    assert!(fraud.out.contains("rejected by policy"), "{fraud:?}");
}

#[test]
fn the_example_agent_waits_until_a_person_has_decided() {
    let example = Example::serve();
    let mut agent = example
        .agent(&["refund-3", "500"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let asked = lines.next().unwrap().unwrap();
    assert!(asked.contains("Left to a person"), "{asked}");
    let case = asked.split(':').next().unwrap();
    let open = example.countersign(&["cases", "--state", "open", "--format", "json"]);
    assert_eq!(open.json()["cases"][0]["case_id"], case);

    let vote = example.countersign(&["approve", case, "--reason", "talked to the customer"]);
    assert_eq!(vote.status, 0, "{vote:?}");
    let told = lines.next().unwrap().unwrap();
    assert!(
        told.contains("approved by person:alice: talked to the customer"),
        "{told}"
    );
    assert!(agent.wait().unwrap().success());
}
