//! `examples/agentwarden` as its page has it: a stand-in for the platform, AgentWarden's own sample handler as the
//! executor, and the server between them.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::desk::{copy_folder, program};
use crate::page::{Block, Typed, blocks, typed};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A program in a terminal of its own.
struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts `command` and waits until it says that it listens.
    fn start(mut command: Command, listens: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let running = Self {
            child,
            lines: Arc::default(),
        };
        let lines = Arc::clone(&running.lines);
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        within_a_minute(&format!("{command:?} listens"), || {
            let lines = running.lines.lock().unwrap();
            lines
                .iter()
                .any(|line| line.contains(listens))
                .then_some(())
        });
        running
    }
}

fn within_a_minute<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}: never");
        std::thread::yield_now();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The example as a clone has it, on ports that are free on this machine.
struct Example {
    folder: tempfile::TempDir,
    ports: [(&'static str, u16); 4],
    case: String,
}

impl Example {
    fn unpack() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["policies", "examples/agentwarden"] {
            copy_folder(&Path::new(ROOT).join(part), &folder.path().join(part));
        }
        let ports = ["8787", "8788", "8686", "5000"].map(|usual| (usual, free_port()));
        let example = Self {
            folder,
            ports,
            case: String::new(),
        };
        let config = example.here().join("simulated.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(config, example.moved(&text)).unwrap();
        example
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("examples/agentwarden")
    }

    /// `text` with our ports for the usual ones.
    fn moved(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (usual, port)| {
                text.replace(&format!("127.0.0.1:{usual}"), &format!("127.0.0.1:{port}"))
            })
    }

    fn python(&self, script: &str, port: usize, more: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command
            .args([script, "--port", &self.ports[port].1.to_string()])
            .args(more)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.here());
        command
    }

    fn start(&self) -> [Running; 3] {
        let flask = Command::new("python3")
            .args(["-c", "import flask"])
            .output();
        assert!(
            flask.is_ok_and(|tried| tried.status.success()),
            "this test needs python3 with Flask: Debian's package python3-flask, or `pip install flask`"
        );
        let hook = "http://127.0.0.1:8787/v1/sources/agentwarden/only-for-the-simulation-too";
        let platform = self.python("agentwarden.py", 2, &["--webhook", &self.moved(hook)]);
        let mut server = program();
        server
            .args(["run", "-c", "simulated.yaml"])
            .current_dir(self.here());
        [
            Running::start(self.python("executor.py", 3, &[]), "listens on"),
            Running::start(platform, "stands in on"),
            Running::start(server, "intake"),
        ]
    }

    /// Types one line; what it printed.
    fn run(&mut self, command: &str) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            binary.parent().unwrap().display()
        );
        let naming = command.starts_with("CASE=");
        let ending = if naming { "; printf %s \"$CASE\"" } else { "" };
        let output = Command::new("bash")
            .env_clear()
            .env("PATH", path)
            .env("USER", "alice")
            .env("TZ", "UTC")
            .env("COUNTERSIGN_CONFIG", "simulated.yaml")
            .env("CASE", &self.case)
            .args(["-c", &format!("exec 2>&1; {}{ending}", self.moved(command))])
            .current_dir(self.here())
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "$ {command}\n{out}");
        if naming {
            self.case.clone_from(&out);
            return String::new();
        }
        out
    }

    /// Types one line. What only looks is typed again until it shows what the page shows.
    fn follow(&mut self, typed: &Typed) {
        let begun = Instant::now();
        let looks = typed.command.contains("countersign cases");
        loop {
            let printed = self.run(&typed.command);
            let named = !typed.command.starts_with("CASE=") || !self.case.is_empty();
            if typed.says(&printed) && named {
                return;
            }
            if !looks || begun.elapsed() > Duration::from_secs(30) {
                typed.assert_printed(&printed);
                panic!("`{}` named nothing", typed.command);
            }
        }
    }
}

/// Waits until the executor has said the lines of `block` after those it said before.
fn executed(executor: &Running, block: &Block, before: usize) -> usize {
    let wanted = before + block.lines.len();
    within_a_minute("the executor said something", || {
        (executor.lines.lock().unwrap().len() >= wanted).then_some(())
    });
    let lines = executor.lines.lock().unwrap();
    assert_eq!(lines[before..], block.lines);
    wanted
}

#[test]
fn the_agentwarden_example_does_what_its_page_says() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("examples/agentwarden/README.md"));
    let mut example = Example::unpack();
    let running = example.start();
    let executor = &running[0];
    let (mut ran, mut said) = (0, 1);
    for block in blocks(&page.unwrap()) {
        match block.info.as_str() {
            "console" => {
                for typed in typed(&block) {
                    example.follow(&typed);
                    ran += 1;
                }
            }
            "text executor" => said = executed(executor, &block, said),
            other => panic!("{other}"),
        }
    }
    assert!(ran >= 9 && said == 4, "{ran} {said}");
    assert_eq!(
        executor.lines.lock().unwrap().len(),
        said,
        "and nothing else"
    );
}
