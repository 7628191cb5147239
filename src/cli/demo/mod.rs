//! `countersign demo`: the real server on its defaults, beside a simulated TraceMem that asks over real HTTP.

mod setting;
mod platform;
mod screen;
mod traffic;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use owo_colors::OwoColorize as _;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ledger::parse_store;
use super::{ExitStatus, terminal};
use crate::app::{App, Options, Seen};
use crate::clock::Clock;
use crate::config::Store;
use crate::diagnostic::Paint;
use crate::flow::Flow;
use crate::secret::Secret;
use crate::store::Synchronous;
use platform::Platform;
use screen::{Counts, Screen};
use setting::{Folder, Secrets};
use traffic::{Delivery, Signing, Traffic};

/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(20);

/// Watch decisions being made: the real server, a simulated TraceMem, your policies.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Stop after this many deliveries; without it, go on until Ctrl-C
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Deliveries a second
    #[arg(long, default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// The same seed gives the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The policy directory; edit it while the demo runs
    #[arg(long, default_value = "./policies")]
    policies: PathBuf,
    /// Keep the cases, in a store such as `sqlite://demo.db`; without it they are gone afterwards
    #[arg(long, value_name = "URL", value_parser = parse_store)]
    store: Option<Store>,
}

/// Runs the demo until it is through or interrupted.
pub fn run(args: &DemoArgs) -> ExitStatus {
    let played = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from);
    terminal::end(played.and_then(|runtime| runtime.block_on(play(args))))
}

fn rate(raw: &str) -> Result<f64, String> {
    match raw.parse() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        Ok(_) | Err(_) => {
            Err("give a number of deliveries a second, above 0 and up to 10000".to_owned())
        }
    }
}

async fn play(args: &DemoArgs) -> anyhow::Result<ExitStatus> {
    let store = args
        .store
        .as_ref()
        .map(|Store::Sqlite(path)| path.as_path());
    let folder = Folder::new(store)?;
    let secrets = Secrets::new()?;
    let platform = Platform::new(secrets.credential.clone());
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let config = setting::config(&args.policies, &folder, listener.local_addr()?, &secrets)?;
    let screen = Arc::new(Screen::default());
    let options = Options {
        synchronous: Synchronous::Full,
        seen: Seen::By(Arc::clone(&screen) as _),
    };
    let app = App::open(config, options).await?;
    let intake = format!("http://{}/v1/sources/tracemem", app.addresses().intake);
    introduce(args, &app, &folder, &secrets);

    let stop = CancellationToken::new();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let router = platform.router();
    let platform_stop = stop.clone();
    tasks.spawn(async move {
        let serving =
            axum::serve(listener, router).with_graceful_shutdown(platform_stop.cancelled_owned());
        serving.await.context("the simulated platform stopped")
    });
    tasks.spawn(show_reloads(Arc::clone(app.flow()), stop.clone()));
    let flow = Arc::clone(app.flow());
    let app_stop = CancellationToken::new();
    let serving = app.run(app_stop.clone());

    let sending = async {
        let sent = tokio::select! {
            sent = send(args, &intake, &secrets.signing, &platform) => sent,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        let settled = match sent {
            Ok(()) => last_answers(&flow).await,
            Err(error) => Err(error),
        };
        let verdict = settled.map(|()| summary(&screen.counts(), &platform));
        app_stop.cancel();
        verdict
    };
    let (served, verdict) = tokio::join!(serving, sending);
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.context("a part of the demo panicked")??;
    }
    served?;
    verdict
}

fn introduce(args: &DemoArgs, app: &App, folder: &Folder, secrets: &Secrets) {
    let status = app.flow().policies().status();
    let rules = app.flow().policies().current().rules().len();
    let addresses = app.addresses();
    let rows = [
        (
            "mode",
            format!(
                "{} against a simulated TraceMem; nothing leaves this machine",
                "enforce".bold()
            ),
        ),
        (
            "policies",
            format!(
                "{} · {rules} rules · revision {}",
                args.policies.display(),
                status.live.short()
            ),
        ),
        (
            "agents",
            format!("http://{}/v1/sources/tracemem", addresses.intake),
        ),
        (
            "people",
            format!(
                "http://{} with the token {}",
                addresses.operators,
                secrets.operator.expose()
            ),
        ),
        (
            "cases",
            format!(
                "countersign cases --store sqlite://{}",
                folder.store.display()
            ),
        ),
    ];
    Screen::say(&format!(
        "{} {}",
        "countersign".bold(),
        env!("CARGO_PKG_VERSION")
    ));
    for (name, value) in rows {
        Screen::say(&format!("  {:<9} {value}", name.dimmed()));
    }
    Screen::say(&format!(
        "  {}\n",
        "edit a file in the policy directory and the next decision shows it".dimmed()
    ));
}

/// Sends the traffic at its rate. The platform opens an approval before it asks about it.
async fn send(
    args: &DemoArgs,
    intake: &str,
    signing: &Secret,
    platform: &Platform,
) -> anyhow::Result<()> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()?;
    let mut traffic = Traffic::new(args.seed);
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / args.rate));
    let mut sent = 0;
    while args.requests.is_none_or(|requests| sent < requests) {
        due.tick().await;
        let delivery = traffic.next(Clock.now());
        if let Some(opens) = &delivery.opens {
            platform.open(
                opens.token.clone(),
                opens.approval_id.clone(),
                opens.decision_id.clone(),
            );
        }
        deliver(&client, intake, signing, delivery).await?;
        sent += 1;
    }
    Ok(())
}

async fn deliver(
    client: &reqwest::Client,
    intake: &str,
    signing: &Secret,
    delivery: Delivery,
) -> anyhow::Result<()> {
    let forger = Secret::new("not the secret");
    let secret = match delivery.signing {
        Signing::Platform => Some(signing),
        Signing::Forger => Some(&forger),
        Signing::Nobody => None,
    };
    let mut request = client
        .post(intake)
        .header("content-type", "application/json");
    if let Some(secret) = secret {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())?;
        mac.update(delivery.body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        request = request.header("X-TraceMem-Signature", signature);
    }
    let response = request
        .body(delivery.body)
        .send()
        .await
        .context("the server does not answer")?;
    if response.status().is_server_error() {
        bail!("the server answered {}", response.status());
    }
    Ok(())
}

/// Waits until every answer that is on its way has arrived.
async fn last_answers(flow: &Flow) -> anyhow::Result<()> {
    let mut changes = flow.store().changes();
    let settled = async {
        while flow.store().counts().await?.due > 0 {
            // A change that was missed shows in the next count.
            let _ = tokio::time::timeout(Duration::from_millis(200), changes.recv()).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(LAST_ANSWERS, settled).await {
        Ok(settled) => settled,
        Err(_) => bail!(
            "some answers did not arrive within {} s",
            LAST_ANSWERS.as_secs()
        ),
    }
}

/// Says what became of every edit of the policy directory.
async fn show_reloads(flow: Arc<Flow>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut changes = flow.policies().changes();
    let mut live = changes.borrow_and_update().live.clone();
    let mut refused = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            told = changes.changed() => if told.is_err() { return Ok(()) },
        }
        let status = changes.borrow_and_update().clone();
        if let Some(refusal) = &status.refused {
            refused = true;
            let frame = refusal.render(Paint::Coloured);
            let still = format!(
                "the policies on disk are refused; revision {} still serves",
                live.short()
            );
            Screen::say(&format!("\n{frame}\n{}\n", still.red().bold()));
        } else if refused || status.live != live {
            refused = false;
            live = status.live.clone();
            let serves = format!("the policies on disk serve: revision {}", live.short());
            Screen::say(&format!("\n{}\n", serves.cyan().bold()));
        }
    }
}

/// What there was, and whether the platform heard the same as we decided.
fn summary(counts: &Counts, platform: &Platform) -> ExitStatus {
    let answered = platform.answered();
    let contradictions: u32 = answered
        .iter()
        .map(|approval| approval.contradictions)
        .sum();
    let taken = |word: &str| {
        answered
            .iter()
            .filter(|approval| {
                approval
                    .answer
                    .as_ref()
                    .is_some_and(|(resolution, _)| resolution == word)
            })
            .count() as u64
    };
    let silent = answered
        .iter()
        .filter(|approval| {
            approval
                .answer
                .as_ref()
                .is_some_and(|(_, rationale)| rationale.is_empty())
        })
        .count();
    let Counts {
        approved,
        rejected,
        escalated,
        expired,
        duplicates,
        unverified,
        malformed,
        other_refusals,
        ..
    } = counts;
    Screen::say(&format!("\n{}", "summary".bold()));
    Screen::say(&format!(
        "  decided    {approved} approved, {rejected} rejected, {escalated} left to people, {expired} expired before they came"
    ));
    Screen::say(&format!(
        "  duplicates {duplicates}, each answered from its one case"
    ));
    Screen::say(&format!(
        "  refused    {unverified} unverified, {malformed} malformed, {other_refusals} others"
    ));
    Screen::say(&format!(
        "  platform   took {} approvals and {} rejections, each with its rationale",
        taken("approved"),
        taken("rejected")
    ));
    let agrees = taken("approved") == *approved
        && taken("rejected") == *rejected
        && contradictions == 0
        && silent == 0;
    if agrees && counts.unnamed_rationales == 0 {
        return ExitStatus::Done;
    }
    Screen::say(&format!(
        "{}",
        "  the platform's view and ours differ; this is a bug worth reporting"
            .red()
            .bold()
    ));
    ExitStatus::CouldNot
}
