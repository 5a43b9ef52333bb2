//! The loop of one environment: a pass, then a wait for whatever makes the next one worth while.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::outcome::PassOutcome;
use super::pace::{Pace, Wait, WakeOn};
use super::runner::Runner;
use super::status::{self, Trouble, TroubleState};
use super::status_registry::{EnvironmentState, StatusRegistry};
use crate::assembly::SystemClock;
use crate::domain::CommitId;
use crate::git::Repository;
use crate::ports::{Clock as _, Source as _};
use crate::reconcile::{PassError, Report, Request, Stop};

/// A pass that somebody asks for and waits for.
pub(super) struct Job {
    /// What is asked for.
    pub(super) request: Request,
    /// Who waits for it.
    pub(super) reply: oneshot::Sender<PassOutcome>,
}

/// The triggers that make an environment look again.
pub(super) struct Triggers {
    /// Counts events on the references.
    pub(super) references: watch::Receiver<u64>,
    /// Counts pokes by signal.
    pub(super) pokes: watch::Receiver<u64>,
    /// Passes asked for over the control socket.
    pub(super) jobs: mpsc::Receiver<Job>,
    /// Time between two looks by itself.
    pub(super) poll_interval: Duration,
}

/// One environment of the daemon.
pub(super) struct EnvironmentLoop {
    pub(super) name: String,
    pub(super) branch: String,
    pub(super) state_dir: PathBuf,
    pub(super) repository: Repository,
    pub(super) runner: Runner,
    pub(super) triggers: Triggers,
    pub(super) stop: Stop,
    pub(super) statuses: StatusRegistry,
}

impl EnvironmentLoop {
    /// Runs until the program is asked to stop.
    pub(super) async fn run(mut self) {
        let clock = SystemClock::default();
        let mut pace = Pace::default();
        let mut asked = Vec::new();
        // The first pass is owed to nobody in particular.
        while !self.stop.requested() {
            let request = Request {
                retry: asked.iter().any(|job: &Job| job.request.retry),
                rebootstrap: None,
            };
            self.triggers.references.mark_unchanged();
            let before = self.head(false).await.ok().flatten();
            self.statuses.begin(&self.name);
            let result = self.runner.pass(request).await;
            self.publish(&result);
            for job in asked.drain(..) {
                // Whoever asked may have gone; the pass counts all the same.
                let _ = job.reply.send(PassOutcome::of(&self.name, &result));
            }
            if matches!(result, Err(PassError::Stopped)) {
                break;
            }
            let seen = [before, result.as_ref().ok().and_then(|r| r.head.clone())];
            let wait = pace.after(&result, clock.jitter());
            match self.next(wait, &seen).await {
                Some(jobs) => asked = jobs,
                None => break,
            }
        }
        if let Err(error) = status::remove(&self.state_dir, &self.name) {
            warn!(environment = self.name, %error, "the status file cannot be removed");
        }
    }

    /// Waits until a pass is worth while; the answer is who asked for it, `None` at the end.
    async fn next(&mut self, wait: Wait, seen: &[Option<CommitId>]) -> Option<Vec<Job>> {
        let begun = Instant::now();
        let due = wait.due.map(|due| begun + due);
        let mut poll = begun + self.triggers.poll_interval;
        let polls = matches!(wait.wake_on, WakeOn::Polls | WakeOn::NewHeads);
        let watches = wait.wake_on != WakeOn::Nothing;
        loop {
            let fetch = tokio::select! {
                () = self.stop.wait() => return None,
                job = self.triggers.jobs.recv() => {
                    // The sender lives as long as the daemon.
                    return job.map(|first| self.all_jobs(first));
                }
                changed = self.triggers.pokes.changed() => {
                    changed.ok()?;
                    return Some(Vec::new());
                }
                () = sleep_until(due.unwrap_or(begun)), if due.is_some() => {
                    return Some(Vec::new());
                }
                () = sleep_until(poll), if polls => {
                    if wait.wake_on == WakeOn::Polls {
                        return Some(Vec::new());
                    }
                    poll = Instant::now() + self.triggers.poll_interval;
                    true
                }
                changed = self.triggers.references.changed(), if watches => {
                    changed.ok()?;
                    false
                }
            };
            // Our own ledger commits are events too: only another head is worth a pass.
            match self.head(fetch).await {
                Ok(head) if seen.contains(&head) => {}
                Ok(_) | Err(()) => return Some(Vec::new()),
            }
        }
    }

    /// Everybody who asked by now is served by the same pass.
    fn all_jobs(&mut self, first: Job) -> Vec<Job> {
        let mut jobs = vec![first];
        while let Ok(job) = self.triggers.jobs.try_recv() {
            jobs.push(job);
        }
        jobs
    }

    /// The branch's tip. What goes wrong here is told by the pass that follows.
    async fn head(&self, fetch: bool) -> Result<Option<CommitId>, ()> {
        let (repository, branch) = (self.repository.clone(), self.branch.clone());
        let read = tokio::task::spawn_blocking(move || {
            if fetch {
                repository.refresh()?;
            }
            repository.head(&branch)
        });
        match read.await {
            Ok(Ok(head)) => Ok(head),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }

    /// Tells the log, the statuses and the status file; a message that stays the same is logged once.
    fn publish(&self, result: &Result<Report, PassError>) {
        let (state, message) = match result {
            Ok(report) if report.converged => (EnvironmentState::Synced, None),
            Ok(_) => (EnvironmentState::Failed, None),
            Err(PassError::Waiting { message, .. }) => {
                (EnvironmentState::Waiting, Some(message.clone()))
            }
            Err(error @ (PassError::Leased { .. } | PassError::Raced)) => {
                (EnvironmentState::Waiting, Some(error.to_string()))
            }
            Err(PassError::Stalled { message }) => {
                (EnvironmentState::Stalled, Some(message.clone()))
            }
            Err(PassError::Stopped) => {
                info!(
                    environment = self.name,
                    "stopped; what is in hand is resumed at the next start"
                );
                return;
            }
        };
        let head = result.as_ref().ok().and_then(|report| report.head.clone());
        let is_news = self
            .statuses
            .finish(&self.name, state, head.as_ref(), message.clone());
        if is_news {
            let head = head.map(|head| head.to_string());
            let name = &self.name;
            match (state, &message) {
                (EnvironmentState::Stalled, Some(why)) => {
                    error!(environment = name, "stalled: {why}")
                }
                (_, Some(why)) => warn!(environment = name, "waiting: {why}"),
                (EnvironmentState::Failed, None) => {
                    warn!(environment = name, head, "not everything is at its target");
                }
                (_, None) => info!(environment = name, head, "up to date"),
            }
        }
        let trouble = message.map(|message| Trouble {
            state: match state {
                EnvironmentState::Stalled => TroubleState::Stalled,
                EnvironmentState::Starting
                | EnvironmentState::Synced
                | EnvironmentState::Failed
                | EnvironmentState::Waiting => TroubleState::Waiting,
            },
            message,
            at: now(),
        });
        let kept = match &trouble {
            Some(trouble) => status::write(&self.state_dir, &self.name, trouble),
            None => status::remove(&self.state_dir, &self.name),
        };
        if let Err(error) = kept {
            warn!(environment = self.name, %error, "the status file cannot be written");
        }
    }
}

fn now() -> Timestamp {
    let at = Timestamp::now();
    at.round(jiff::Unit::Millisecond).unwrap_or(at)
}
