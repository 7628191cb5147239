//! People whom a directory vouches for: the certified `oidc-provider`, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::harness::{Countersign, config_at, with};
use crate::stage::{folder, play};

/// The provider; it ends when it is dropped.
struct Provider {
    child: Child,
    /// It ends when nobody listens any more.
    _says: BufReader<ChildStdout>,
    issuer: String,
}

impl Provider {
    async fn start() -> Self {
        let mut command = Command::new("node");
        command
            .arg(folder().join("provider.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            (line, lines)
        });
        let (line, says) = reading.await.unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let issuer = said["issuer"].as_str().unwrap().to_owned();
        Self {
            child,
            _says: says,
            issuer,
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays a scenario with this in its environment on a server that believes the provider.
async fn plays(scenario: &str, environment: &[(&str, &str)]) {
    let provider = Provider::start().await;
    let config = with(
        &config_at("enforce", "http://127.0.0.1:9"),
        "teams: [{name: payments, groups: [payments-oncall], votes: 1}]\n",
    );
    let oidc = format!(
        "operators:\n  roles: {{admin: [countersign-admins], viewer: [staff]}}\n  oidc: {{issuer: \"{}\", client_id: countersign, client_secret: secret-between-countersign-and-the-directory, scopes: [email, profile, groups], name: email, groups: groups}}\n",
        provider.issuer
    );
    let server = Countersign::start(&config.replacen("operators:\n", &oidc, 1)).await;
    let mut all = vec![("ISSUER", provider.issuer.as_str())];
    all.extend(environment);
    play(&server, scenario, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_the_directory_makes_a_team_for_as_long_as_one_is_in_it() {
    plays("directory.mjs", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_directory_that_is_for_somebody_else_lets_nobody_in() {
    plays("lies.mjs", &[("LIES", "for somebody else")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_directory_does_not_stand_by_lets_nobody_in() {
    plays("lies.mjs", &[("LIES", "not stood by")]).await;
}
