//! A real SMTP server beside the test: aiosmtpd, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::{eventually, write};

/// What the server takes mail with where it wants a login.
pub const PASSWORD: &str = "mail-password";

/// How the server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Plain,
    Tls,
    StartTls,
}

/// The server; it ends with the test.
pub struct Post {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub port: u16,
    /// What proves it, as PEM: the certificate of its own.
    pub root: String,
    _folder: tempfile::TempDir,
}

/// A mail as somebody else's library reads it.
#[derive(Debug, Clone)]
pub struct Mail(pub Value);

impl Mail {
    pub fn text(&self) -> &str {
        self.0["text"].as_str().unwrap()
    }

    pub fn html(&self) -> &str {
        self.0["html"].as_str().unwrap()
    }

    pub fn to(&self) -> &str {
        self.0["to"][0].as_str().unwrap()
    }

    /// Every value of the header `name`.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let headers = self.0["headers"].as_array().unwrap().iter();
        let named = headers.filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.map(|pair| pair[1].as_str().unwrap()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        match self.headers(name).as_slice() {
            [one] => one,
            other => panic!("`{name}`: {other:?}"),
        }
    }

    /// The link that votes.
    pub fn link(&self) -> String {
        let mut lines = self.text().lines();
        let line = lines.find(|line| line.starts_with("http") && line.contains("/mail/"));
        line.unwrap_or_else(|| panic!("no link in {}", self.text()))
            .to_owned()
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Post {
    pub async fn open(mode: Mode) -> Self {
        let there = Command::new("python3")
            .args(["-c", "import aiosmtpd"])
            .output();
        assert!(
            there.is_ok_and(|tried| tried.status.success()),
            "this test needs python3 with aiosmtpd: Debian's package python3-aiosmtpd, or `pip install aiosmtpd`"
        );
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let proof = rcgen::generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        write(&certificate, &proof.cert.pem());
        write(&key, &proof.signing_key.serialize_pem());
        let mut command = Command::new("python3");
        command.arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/mail/server.py"
        ));
        match mode {
            Mode::Plain => command.arg("plain"),
            Mode::Tls => command.arg("tls").arg(&certificate).arg(&key),
            Mode::StartTls => command.arg("starttls").arg(&certificate).arg(&key),
        };
        let mut child = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            // It complains of every connection that does not trust it.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let port = eventually("the mail server says where it listens", async || {
            lines.lock().unwrap().first()?.trim().parse().ok()
        })
        .await;
        Self {
            child,
            lines,
            port,
            root: proof.cert.pem(),
            _folder: folder,
        }
    }

    /// Everything that it took.
    pub fn taken(&self) -> Vec<Mail> {
        let lines = self.lines.lock().unwrap();
        let mails = lines.iter().skip(1);
        mails
            .map(|line| Mail(serde_json::from_str(line).unwrap()))
            .collect()
    }

    /// The mails to `address`, once there are `count`.
    pub async fn mails(&self, address: &str, count: usize) -> Vec<Mail> {
        eventually(&format!("{count} mails for {address}"), async || {
            let mut mails = self.taken();
            mails.retain(|mail| mail.to() == address);
            (mails.len() >= count).then_some(mails)
        })
        .await
    }
}
