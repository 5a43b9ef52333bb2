//! `gitmage reconcile`: one pass, then exits. Where a daemon runs on the same state directory, it
//! makes the pass and this program prints what it tells.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::fail;
use super::report::{Progress, print};
use crate::assembly::{self, HolderLock};
use crate::daemon::control::{Ask, ControlClient, ControlError, ControlVerb};
use crate::daemon::{PassOutcome, Runner, Streamed};
use crate::reconcile::{Bootstrap, Request, Stop};
use crate::settings::{EnvironmentName, Settings};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The environment; all of them without it
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Begin anew on this store, whatever the ledger says
    #[arg(long, value_name = "HOW")]
    rebootstrap: Option<How>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// Deploy what the branch says
    Deploy,
    /// Take over what the store has; write nothing
    Adopt,
}

pub(super) async fn run(config: Option<&Path>, args: Args) -> ExitCode {
    let Args { env, rebootstrap } = args;
    let rebootstrap = rebootstrap.map(|how| match how {
        How::Deploy => Bootstrap::Deploy,
        How::Adopt => Bootstrap::Adopt,
    });
    let request = Request {
        retry: false,
        rebootstrap,
    };
    let settings = match Settings::load(config) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    reconcile(settings, env, None, request).await
}

/// A pass of one environment or of all, here or by the daemon that runs.
pub(super) async fn reconcile(
    settings: Settings,
    env: Option<String>,
    release: Option<String>,
    request: Request,
) -> ExitCode {
    let names = match chosen(&settings, env.as_deref()) {
        Ok(names) => names,
        Err(error) => return fail(&error),
    };
    let progress = Arc::new(Mutex::new(Progress::default()));
    let tell = {
        let progress = progress.clone();
        move |event: Streamed| {
            let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
            progress.tell(&event);
        }
    };
    let outcomes = match turn(&settings).await {
        Ok(Turn::Ours(holder)) => here(settings, &names, &holder, request, tell).await,
        Ok(Turn::Daemons(_)) if request.rebootstrap.is_some() => Err(format!(
            "a daemon runs on the state directory {}; stop it, run this again, and start it again",
            settings.state_dir.display()
        )),
        Ok(Turn::Daemons(client)) => {
            let command = if request.retry {
                ControlVerb::Retry
            } else {
                ControlVerb::Reconcile
            };
            let ask = Ask {
                command,
                environment: env,
                release,
            };
            client.ask(&ask, tell).await.map_err(|e| e.to_string())
        }
        Err(error) => Err(error),
    };
    progress
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    match outcomes {
        Ok(outcomes) => print(&outcomes),
        Err(error) => fail(&error),
    }
}

/// The environments asked for.
fn chosen(settings: &Settings, env: Option<&str>) -> Result<Vec<EnvironmentName>, String> {
    let all = || settings.environments.keys().cloned();
    let Some(env) = env else {
        return Ok(all().collect());
    };
    match all().find(|name| name.as_str() == env) {
        Some(name) => Ok(vec![name]),
        None => {
            let known: Vec<String> = all().map(|name| name.to_string()).collect();
            Err(format!(
                "no environment {env:?} in {}; there are: {}",
                settings.path.display(),
                known.join(", ")
            ))
        }
    }
}

/// Whose turn it is on the state directory.
enum Turn {
    Ours(HolderLock),
    Daemons(ControlClient),
}

/// Takes the lock, or finds the daemon that has it; another `reconcile` is waited for.
async fn turn(settings: &Settings) -> Result<Turn, String> {
    let mut said = false;
    loop {
        if let Some(holder) = HolderLock::take(&settings.state_dir).map_err(|e| e.to_string())? {
            return Ok(Turn::Ours(holder));
        }
        let client: Result<_, ControlError> = ControlClient::connect(&settings.state_dir).await;
        if let Some(client) = client.map_err(|e| e.to_string())? {
            return Ok(Turn::Daemons(client));
        }
        if !said {
            eprintln!(
                "waiting for another gitmage on the state directory {}",
                settings.state_dir.display()
            );
            said = true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The passes in this process, one environment after the other.
async fn here(
    settings: Settings,
    names: &[EnvironmentName],
    holder: &HolderLock,
    request: Request,
    tell: impl Fn(Streamed) + Clone + Send + Sync + 'static,
) -> Result<Vec<PassOutcome>, String> {
    let repository = assembly::repository(&settings, settings.repository.token.clone())
        .map_err(|e| e.to_string())?;
    let settings = Arc::new(settings);
    let stop = stop_by_signal().map_err(|e| format!("signals cannot be received: {e}"))?;
    let mut outcomes = Vec::new();
    for name in names {
        let (told, tell) = (name.to_string(), tell.clone());
        let mut runner = Runner::new(
            settings.clone(),
            repository.clone(),
            name.clone(),
            holder.id().to_owned(),
            Arc::new(move |event| tell(Streamed::new(&told, event))),
            stop.clone(),
        );
        let result = runner.pass(request).await;
        outcomes.push(PassOutcome::of(name.as_str(), &result));
        if stop.requested() {
            break;
        }
    }
    Ok(outcomes)
}

/// The first SIGTERM or SIGINT asks to stop, the second ends the program at once.
fn stop_by_signal() -> std::io::Result<Stop> {
    let (sender, stop) = Stop::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            let number = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
                _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            };
            if sender.send_replace(true) {
                std::process::exit(128 + number);
            }
        }
    });
    Ok(stop)
}
