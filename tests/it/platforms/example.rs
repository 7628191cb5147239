//! An example's own configuration, changed in nothing but where it listens, whom it calls, what its secrets are, and its mode.

use std::path::Path;

use crate::harness::{ADMIN, APPROVER, Countersign, VIEWER, write};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/platforms");

/// An example that is not running yet.
pub struct Example {
    folder: tempfile::TempDir,
    text: String,
}

impl Example {
    /// The example of this name, on ports of its own, with a person for each role.
    pub fn of(name: &str) -> Self {
        let file = Path::new(EXAMPLES).join(name).join("countersign.yaml");
        let example = Self {
            folder: tempfile::tempdir().unwrap(),
            text: std::fs::read_to_string(file).unwrap(),
        };
        let alice = "    - {name: alice, role: admin, token_file: secrets/alice}\n";
        let others = format!(
            "    - {{name: bob, role: approver, token: {APPROVER}}}\n    - {{name: grafana, role: viewer, token: {VIEWER}}}\n"
        );
        example
            .with("\nlisten: 127.0.0.1:8787", "\nlisten: 127.0.0.1:0")
            .with("\n  listen: 127.0.0.1:8788", "\n  listen: 127.0.0.1:0")
            .with("path: ../policies", &format!("path: {EXAMPLES}/policies"))
            .with(alice, &format!("{alice}{others}"))
            .secret("alice", ADMIN)
    }

    /// With other words for these, which must be there.
    pub fn with(mut self, from: &str, to: &str) -> Self {
        assert!(
            self.text.contains(from),
            "the example does not say `{from}`"
        );
        self.text = self.text.replace(from, to);
        self
    }

    /// With this secret in the file that the example reads it from.
    pub fn secret(self, name: &str, text: &str) -> Self {
        let file = format!("secrets/{name}");
        assert!(
            self.text.contains(&file),
            "the example does not read `{file}`"
        );
        write(&self.folder.path().join(file), text);
        self
    }

    /// Runs as it would after going live.
    pub async fn enforce(self) -> Countersign {
        self.with("\nmode: dry_run\n", "\nmode: enforce\n")
            .run()
            .await
    }

    /// Runs as it is.
    pub async fn dry_run(self) -> Countersign {
        assert!(self.text.contains("\nmode: dry_run\n"));
        self.run().await
    }

    async fn run(self) -> Countersign {
        Countersign::start_in(self.folder, &self.text).await
    }
}
