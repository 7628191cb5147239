//! `countersign demo`: the real server on its defaults, beside simulated platforms that ask over real HTTP.

mod setting;
mod platform;
mod traffic;
mod sending;
mod screen;
mod summary;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use owo_colors::OwoColorize as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ledger::parse_store;
use super::{ExitStatus, terminal};
use crate::app::{App, Options, Seen};
use crate::clock::Clock;
use crate::config::Store;
use crate::diagnostic::Paint;
use crate::flow::Flow;
use crate::store::Synchronous;
use platform::{Echoes, Name, Platforms, Webhook};
use screen::Screen;
use sending::Sender;
use setting::{Folder, Secrets};
use summary::Sent;
use traffic::Traffic;

/// How long the last answers are waited for.
const LAST_ANSWERS: Duration = Duration::from_secs(20);

/// Watch decisions being made: the real server, simulated platforms, your policies.
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
    /// Keep the cases, in a new store such as `sqlite://demo.db`; without it they are gone afterwards
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
    let secrets = Arc::new(Secrets::new()?);
    let stop = CancellationToken::new();
    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let (queue, queued) = unbounded_channel();
    let echoes = Echoes::new(queue);
    let (platforms, addresses) = Platforms::start(&secrets, &echoes, &mut tasks, &stop).await?;
    let config = setting::config(&args.policies, &folder, &addresses, &secrets)?;
    let screen = Arc::new(Screen::default());
    let options = Options {
        synchronous: Synchronous::Full,
        seen: Seen::By(Arc::clone(&screen) as _),
    };
    let app = App::open(config, options).await?;
    let sender = Sender::new(app.addresses().intake, Arc::clone(&secrets))?;
    introduce(args, &app, &folder, &secrets, &sender);

    tasks.spawn(echo(queued, sender.clone(), echoes.clone(), stop.clone()));
    tasks.spawn(show_reloads(Arc::clone(app.flow()), stop.clone()));
    let flow = Arc::clone(app.flow());
    let app_stop = CancellationToken::new();
    let serving = app.run(app_stop.clone());

    let sending = async {
        let verdict = async {
            // What is asked while the list is gone through for the first time could be found there before it arrives.
            screen.reconciled().await;
            let sent = send(args, &sender, &platforms).await?;
            last_answers(&flow, &echoes).await?;
            Ok(summary::tell(&screen.counts(), &sent, &platforms))
        };
        let verdict = verdict.await;
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

fn introduce(args: &DemoArgs, app: &App, folder: &Folder, secrets: &Secrets, sender: &Sender) {
    let status = app.flow().policies().status();
    let rules = app.flow().policies().current().rules().len();
    let mode = format!(
        "{} against simulated platforms; nothing leaves this machine",
        "enforce".bold()
    );
    let policies = format!(
        "{} · {rules} rules · revision {}",
        args.policies.display(),
        status.live.short()
    );
    let inbox = format!(
        "{} · log in with the token {}",
        format!("http://{}", app.addresses().operators).bold(),
        secrets.you.expose()
    );
    let sam = format!(
        "sam, for what takes two people: in a private window, with the token {}",
        secrets.sam.expose()
    );
    let cases = format!(
        "countersign cases --store sqlite://{}",
        folder.store.display()
    );
    let mut rows = vec![("mode", mode), ("policies", policies)];
    rows.extend(Name::ALL.map(|name| {
        let proven = match name {
            Name::TraceMem => "signed",
            Name::AgentWarden => "read back",
            Name::SidClaw => "signed, read back",
        };
        let address = format!("{} · {proven}", sender.address(name));
        (name.as_str(), address)
    }));
    rows.extend([("inbox", inbox), ("and as", sam), ("cases", cases)]);
    Screen::say(&format!(
        "{} {}",
        "countersign".bold(),
        env!("CARGO_PKG_VERSION")
    ));
    for (name, value) in rows {
        Screen::say(&format!("  {:<11} {value}", name.dimmed()));
    }
    Screen::say(&format!(
        "  {}\n",
        "edit a file in the policy directory and the next decision shows it".dimmed()
    ));
}

/// Lets things happen at their rate, until they are through or interrupted.
async fn send(args: &DemoArgs, sender: &Sender, platforms: &Platforms) -> anyhow::Result<Sent> {
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let mut traffic = Traffic::new(args.seed);
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / args.rate));
    let mut sent = Sent::default();
    let mut left = args.requests.unwrap_or(u64::MAX);
    while left > 0 {
        left -= 1;
        tokio::select! {
            _ = due.tick() => {}
            _ = &mut interrupted => break,
        }
        let delivery = traffic.next(Clock.now());
        if let Some((at, approval)) = delivery.opens {
            if delivery.lies {
                sent.lies.push(approval.id.clone());
            }
            platforms.of(at).open(approval);
        }
        let Some(webhook) = delivery.webhook else {
            sent.lost += 1;
            continue;
        };
        let from = webhook.from;
        if sender.deliver(webhook).await?.as_deref() == Some("duplicate") {
            sent.duplicates += 1;
            let what = "duplicate of a delivery that came before; the platform is told so";
            Screen::event(
                &"=".dimmed().to_string(),
                from.as_str(),
                &what.dimmed().to_string(),
            );
        }
    }
    Ok(sent)
}

/// Delivers what platforms tell of the ends of their approvals.
async fn echo(
    mut queued: UnboundedReceiver<Webhook>,
    sender: Sender,
    echoes: Echoes,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    loop {
        let webhook = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            webhook = queued.recv() => webhook,
        };
        let Some(webhook) = webhook else {
            return Ok(());
        };
        sender.deliver(webhook).await?;
        echoes.delivered();
    }
}

/// Looks for lost webhooks once more, and waits until everything that is on its way has arrived: records that are read
/// back, answers, what the platforms tell of them, and what is passed on of that.
async fn last_answers(flow: &Flow, echoes: &Echoes) -> anyhow::Result<()> {
    for desk in flow.desks() {
        if desk.source.reconciles_every().is_some() {
            flow.reconcile(desk).await?;
        }
    }
    let mut changes = flow.store().changes();
    let settled = async {
        // What is due may bring an echo, and an echo something due, but nothing that brings another echo.
        while flow.store().counts().await?.due > 0
            || echoes.under_way() > 0
            || flow.store().counts().await?.due > 0
        {
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
