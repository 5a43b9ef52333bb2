//! The daemon: one loop an environment, woken by references that move, polls, signals and the
//! control socket; told to systemd.
//!
//! # Guarantees
//! - One broken environment never blocks another: each has a task, a reconciler and waits of its own.
//! - Never a busy loop: an event counts only when it brings another head, everything else waits for
//!   a poll, a back-off or a person.
//! - Asked to stop, the release in hand ends before its next entity and is parked in the ledger.
//!
//! # Assumptions
//! The lock of the state directory is held, so nobody else has a socket or status files there.

pub mod control;
mod environment;
mod outcome;
mod pace;
mod ref_watcher;
mod runner;
pub mod status;
mod status_registry;
mod systemd;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

pub use outcome::{FailedEntity, HandledRelease, PassOutcome, Streamed};
pub use runner::Runner;

use crate::assembly::{self, AssemblyError, HolderLock};
use crate::git::Repository;
use crate::ports::GitError;
use crate::reconcile::Stop;
use crate::settings::Settings;
use control::{ControlClient, ControlError, ControlState};
use environment::{EnvironmentLoop, Triggers};
use ref_watcher::RefWatcher;
use status_registry::StatusRegistry;
use systemd::Systemd;

/// The number of events that a slow listener may lag behind before it misses some.
const EVENTS: usize = 1024;
/// The number of passes that may be asked for at a time.
const JOBS: usize = 16;
/// The pause between two tries for the lock of the state directory.
const HOLD_PAUSE: Duration = Duration::from_millis(100);

/// The reasons why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state directory is taken.
    #[error(
        "another gitmage runs on the state directory {}; stop it first, or set another `state_dir`",
        .0.display()
    )]
    Running(PathBuf),
    /// The state directory or an adapter cannot be used.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The watched repository cannot be used.
    #[error(transparent)]
    Repository(#[from] GitError),
    /// The control socket cannot be made.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The system gives no signals.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
}

/// The ways in which the daemon ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every environment has finished or parked what it had in hand.
    Parked,
    /// A second signal of this number came before that.
    Forced(i32),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// See [`DaemonError`]: only what concerns all environments ends the daemon.
pub async fn run(settings: Settings) -> Result<Ended, DaemonError> {
    let settings = Arc::new(settings);
    for warning in &settings.warnings.0 {
        warn!("{warning}");
    }
    let holder = hold(&settings).await?;
    let signals = Signals::new().map_err(DaemonError::Signals)?;
    let repository = assembly::repository(&settings, settings.repository.token.clone())?;
    let (stopper, stop) = Stop::new();
    let mut supervisor = Supervisor {
        signals,
        systemd: Systemd::new(),
        statuses: StatusRegistry::new(settings.environments.keys().map(ToString::to_string)),
        ref_watcher: RefWatcher::new(repository.clone()),
        references: watch::Sender::new(0),
        pokes: watch::Sender::new(0),
        tasks: JoinSet::new(),
    };
    let reachable = supervisor.start(&settings, &repository, holder.id(), &stop);
    let control = control::serve(&settings.state_dir, reachable)?;
    info!(
        repository = %settings.repository.url,
        environments = settings.environments.len(),
        state_dir = %settings.state_dir.display(),
        "gitmage runs"
    );
    supervisor.serve().await;
    info!("stopping: what is in hand is finished or parked");
    // The receivers live in the tasks; one that ended needs no stop.
    let _ = stopper.send(true);
    let ended = supervisor.park().await;
    drop(control);
    Ok(ended)
}

/// Takes the lock of the state directory. A `reconcile` that has it is waited for, and so is a process
/// that was killed and has not ended yet; a daemon answers on its socket.
async fn hold(settings: &Settings) -> Result<HolderLock, DaemonError> {
    let mut said = false;
    loop {
        if let Some(holder) = HolderLock::take(&settings.state_dir)? {
            return Ok(holder);
        }
        if ControlClient::connect(&settings.state_dir).await?.is_some() {
            return Err(DaemonError::Running(settings.state_dir.clone()));
        }
        if !said {
            info!(
                state_dir = %settings.state_dir.display(),
                "waiting for another gitmage on the state directory"
            );
            said = true;
        }
        tokio::time::sleep(HOLD_PAUSE).await;
    }
}

/// The signals that the daemon knows.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    poke: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            poke: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Got {
        tokio::select! {
            _ = self.terminate.recv() => Got::End(SignalKind::terminate().as_raw_value()),
            _ = self.interrupt.recv() => Got::End(SignalKind::interrupt().as_raw_value()),
            _ = self.poke.recv() => Got::Poke,
        }
    }

    /// Waits for a signal that ends the program; the answer is its number.
    async fn end(&mut self) -> i32 {
        loop {
            if let Got::End(number) = self.next().await {
                return number;
            }
        }
    }
}

/// The meaning of a signal.
enum Got {
    End(i32),
    Poke,
}

/// The main loop, which hands the triggers to all environments and speaks to systemd.
struct Supervisor {
    signals: Signals,
    systemd: Systemd,
    statuses: StatusRegistry,
    ref_watcher: RefWatcher,
    references: watch::Sender<u64>,
    pokes: watch::Sender<u64>,
    tasks: JoinSet<()>,
}

impl Supervisor {
    /// Starts a task for each environment, and returns what the control socket reaches them by.
    fn start(
        &mut self,
        settings: &Arc<Settings>,
        repository: &Repository,
        holder: &str,
        stop: &Stop,
    ) -> ControlState {
        let (events, _) = broadcast::channel(EVENTS);
        let mut jobs = BTreeMap::new();
        for environment in settings.environments.values() {
            let name = environment.name.to_string();
            let (sender, receiver) = mpsc::channel(JOBS);
            jobs.insert(name.clone(), sender);
            let (to, told) = (events.clone(), name.clone());
            let runner = Runner::new(
                settings.clone(),
                repository.clone(),
                environment.name.clone(),
                holder.to_owned(),
                // Nobody listening is no error.
                Arc::new(move |event| drop(to.send(Streamed::new(&told, event)))),
                stop.clone(),
            );
            let environment = EnvironmentLoop {
                name,
                branch: environment.branch.clone(),
                state_dir: settings.state_dir.clone(),
                repository: repository.clone(),
                runner,
                triggers: Triggers {
                    references: self.references.subscribe(),
                    pokes: self.pokes.subscribe(),
                    jobs: receiver,
                    poll_interval: settings.repository.poll_interval,
                },
                stop: stop.clone(),
                statuses: self.statuses.clone(),
            };
            self.tasks.spawn(environment.run());
        }
        ControlState { jobs, events }
    }

    /// Until a signal asks for the end.
    async fn serve(&mut self) {
        let mut changes = self.statuses.changes();
        let mut ready = false;
        loop {
            if !ready && self.statuses.all_begun() {
                self.systemd.ready();
                ready = true;
            }
            self.systemd.status(&self.statuses.line());
            tokio::select! {
                got = self.signals.next() => match got {
                    Got::End(_) => return,
                    Got::Poke => self.pokes.send_modify(|count| *count += 1),
                },
                () = self.ref_watcher.changed() => {
                    self.references.send_modify(|count| *count += 1);
                }
                () = changes.next() => {}
                () = self.systemd.tick() => {}
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        error!(%error, "an environment's task ended unexpectedly; restart gitmage");
                    }
                }
            }
        }
    }

    /// Waits for all environments; a second signal ends that.
    async fn park(&mut self) -> Ended {
        self.systemd.stopping();
        loop {
            tokio::select! {
                number = self.signals.end() => return Ended::Forced(number),
                () = self.systemd.tick() => {}
                ended = self.tasks.join_next() => match ended {
                    None => return Ended::Parked,
                    Some(Ok(())) => {}
                    Some(Err(error)) => error!(%error, "an environment's task ended unexpectedly"),
                },
            }
        }
    }
}
