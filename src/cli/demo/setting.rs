//! What the demo runs on: a folder of its own, secrets of its own, and a config as anybody would write it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::clock::Clock;
use crate::config::Config;
use crate::diagnostic::Paint;
use crate::secret::Secret;

/// What the demo keeps to itself.
pub(super) struct Secrets {
    pub(super) signing: Secret,
    pub(super) credential: Secret,
    pub(super) operator: Secret,
}

impl Secrets {
    /// New ones every time.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            signing: random()?,
            credential: random()?,
            operator: random()?,
        })
    }
}

/// The demo's folder: removed at the end, unless the cases are kept.
pub(super) struct Folder {
    pub(super) store: PathBuf,
    temporary: Option<PathBuf>,
}

impl Folder {
    pub(super) fn new(store: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(store) = store {
            return Ok(Self {
                store: store.to_owned(),
                temporary: None,
            });
        }
        let folder = std::env::temp_dir().join(format!("countersign-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Self {
            store: folder.join("countersign.db"),
            temporary: Some(folder),
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            // It is a temporary folder; the system clears what we cannot.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The config that the demo runs on, written as anybody would write it.
pub(super) fn config(
    policies: &Path,
    folder: &Folder,
    platform: SocketAddr,
    secrets: &Secrets,
) -> anyhow::Result<Config> {
    let quoted = |path: &Path| -> anyhow::Result<String> {
        let absolute = std::path::absolute(path)?;
        Ok(serde_json::to_string(
            absolute.to_str().context("the path is not UTF-8")?,
        )?)
    };
    let store = quoted(&folder.store)?;
    let store = store.trim_matches('"');
    let text = format!(
        r#"
mode: enforce
listen: 127.0.0.1:0
operators:
  listen: 127.0.0.1:0
  tokens: [{{name: you, role: admin, token: {operator}}}]
policies: {{path: {policies}}}
store: "sqlite://{store}"
sources:
  - name: tracemem
    kind: tracemem
    api_url: http://{platform}
    credential: {credential}
    verify: [{{hmac: {{secrets: [{signing}]}}}}]
    fields: {{action: /intent, context: /context, agent: /agent_id}}
"#,
        operator = secrets.operator.expose(),
        policies = quoted(policies)?,
        credential = secrets.credential.expose(),
        signing = secrets.signing.expose(),
    );
    match Config::parse(&text, "the demo's config", &|_| None, Clock.now()) {
        Ok((config, _)) => Ok(config),
        Err(mistakes) => {
            let frames: Vec<String> = mistakes
                .iter()
                .map(|mistake| mistake.render(Paint::Plain))
                .collect();
            bail!("{}", frames.join("\n\n"))
        }
    }
}

fn random() -> anyhow::Result<Secret> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(Secret::new(hex::encode(bytes)))
}
