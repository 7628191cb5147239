//! Power cuts: the database is on an ext4 image whose file is copied the moment the process is killed, so that what
//! was written and not synced is missing from the copy. Needs root and a loop device.
//!
//! The control is the same server with `synchronous=NORMAL`: it must lose acknowledged decisions, or the harness
//! would not notice a loss.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use countersign::app::{App, Options};
use countersign::clock::Clock;
use countersign::config::Config;
use countersign::store::Synchronous;
use tokio_util::sync::CancellationToken;

use crate::load::{Load, body, client, deliver};
use crate::server::{Server, write_config};
use crate::tracemem::TraceMem;

/// How often the power is cut under the real server; `COUNTERSIGN_POWER_CUTS` asks for more.
const CUTS: u32 = 6;
/// The control loses within the first few.
const CONTROL_CUTS: u32 = 12;
/// Names the config that [`the_control_serves_with_its_durability_turned_down`] serves until it is killed.
const CONTROL: &str = "COUNTERSIGN_FAULT_CONTROL";

#[tokio::test(flavor = "multi_thread")]
async fn after_power_cuts_nothing_acknowledged_is_lost() {
    let Some(bench) = Bench::new() else { return };
    let cuts = std::env::var("COUNTERSIGN_POWER_CUTS")
        .ok()
        .and_then(|cuts| cuts.parse().ok())
        .unwrap_or(CUTS);
    let mut acknowledged = 0;
    for cut in 0..cuts {
        let (sent, lost) = bench.cut(cut, Server::start).await;
        assert_eq!(
            lost,
            Vec::<String>::new(),
            "cut {cut} lost {} of {sent} acknowledged requests",
            lost.len()
        );
        acknowledged += sent;
    }
    assert!(
        acknowledged > 500,
        "only {acknowledged} requests were acknowledged in all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cuts_do_lose_what_is_not_synced() {
    let Some(bench) = Bench::new() else { return };
    for cut in 0..CONTROL_CUTS {
        let (_, lost) = bench.cut(cut, control).await;
        if !lost.is_empty() {
            return;
        }
    }
    panic!(
        "{CONTROL_CUTS} cuts lost nothing with synchronous=NORMAL; this harness cannot see a loss"
    );
}

/// With [`CONTROL`] set this is the control's process; alone it shows that the control answers as the server does.
#[tokio::test(flavor = "multi_thread")]
async fn the_control_serves_with_its_durability_turned_down() {
    let folder = tempfile::tempdir().unwrap();
    let told = std::env::var_os(CONTROL).map(PathBuf::from);
    let platform = TraceMem::start().await;
    let config = told.clone().unwrap_or_else(|| {
        write_config(
            folder.path(),
            &folder.path().join("countersign.db"),
            &platform.url(),
        )
    });
    let (config, _) = Config::load(&config, &|_| None, Clock.now()).unwrap();
    let options = Options {
        synchronous: Synchronous::Normal,
        ..Options::default()
    };
    let app = App::open(config, options).await.unwrap();
    let intake = app.addresses().intake;
    let stop = CancellationToken::new();
    if told.is_some() {
        println!(
            r#"{{"intake":"{intake}","operators":"{}"}}"#,
            app.addresses().operators
        );
        app.run(stop).await.unwrap();
        return;
    }
    let asking = async {
        let answer = deliver(&client(), &format!("http://{intake}"), &body(0)).await;
        stop.cancel();
        answer
    };
    let (ran, answer) = tokio::join!(app.run(stop.clone()), asking);
    ran.unwrap();
    assert_eq!(answer.map(|(status, _)| status), Some(200));
}

fn control(config: &Path) -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "powerless::the_control_serves_with_its_durability_turned_down",
        "--nocapture",
    ]);
    command.env(CONTROL, config);
    Server::spawn(command)
}

/// A folder in memory for the disk images.
struct Bench {
    memory: tempfile::TempDir,
}

impl Bench {
    /// None where disks cannot be mounted; under CI that is a failure.
    fn new() -> Option<Self> {
        let memory = tempfile::tempdir().unwrap();
        let mounted = run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                "size=1g",
                "tmpfs",
                &text(memory.path()),
            ],
        );
        if !mounted {
            assert!(
                std::env::var_os("CI").is_none(),
                "mounting needs root; power cuts cannot be tested"
            );
            eprintln!("power cuts are not tested: mounting needs root");
            return None;
        }
        Some(Self { memory })
    }

    /// One cut: how many requests were acknowledged, and which of them are gone.
    async fn cut(&self, number: u32, start: fn(&Path) -> Server) -> (usize, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let (image, copy) = (
            self.memory.path().join("disk.img"),
            self.memory.path().join("cut.img"),
        );
        std::fs::File::create(&image)
            .unwrap()
            .set_len(192 * 1024 * 1024)
            .unwrap();
        assert!(run("mkfs.ext4", &["-q", "-F", &text(&image)]));
        let disk = Mount::new(&image, folder.path().join("disk"));
        let platform = TraceMem::start().await;
        let config = write_config(
            folder.path(),
            &disk.at.join("countersign.db"),
            &platform.url(),
        );
        let mut server = start(&config);
        let load = Load::default();
        let life = Duration::from_millis(300 + u64::from(number) * 97 % 500);
        let intake = server.intake.clone();
        let cutter = async {
            tokio::time::sleep(life).await;
            server.kill();
            std::fs::copy(&image, &copy).unwrap();
        };
        tokio::join!(load.run(&intake, 32), cutter);
        drop(disk);
        let acknowledged = load.acknowledged();

        let after = Mount::new(&copy, folder.path().join("disk"));
        let server = Server::start(&config);
        let client = client();
        let mut lost = Vec::new();
        for (approval, case) in &acknowledged {
            let number = approval.trim_start_matches("appr_").parse().unwrap();
            let (status, answer) = deliver(&client, &server.intake, &body(number))
                .await
                .unwrap();
            assert_eq!(status, 200, "{answer}");
            if answer["status"] != "duplicate" || answer["case_id"].as_str() != Some(case) {
                lost.push(approval.clone());
            }
        }
        drop(server);
        drop(after);
        (acknowledged.len(), lost)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        run("umount", &[&text(self.memory.path())]);
    }
}

/// A mounted image; unmounted when dropped.
struct Mount {
    at: PathBuf,
}

impl Mount {
    fn new(image: &Path, at: PathBuf) -> Self {
        std::fs::create_dir_all(&at).unwrap();
        assert!(
            run("mount", &["-o", "loop", &text(image), &text(&at)]),
            "cannot mount {}",
            image.display()
        );
        Self { at }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        assert!(run("umount", &[&text(&self.at)]) || std::thread::panicking());
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .status()
        .is_ok_and(|status| status.success())
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
