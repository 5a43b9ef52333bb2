//! The passes of one environment, and how they end when the program is asked to stop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinHandle;
use tracing::{Instrument as _, debug, error, info, info_span, warn};

use crate::assembly::{self, RealReconciler};
use crate::domain::{Level, PhaseName, ReleaseStatus};
use crate::git::Repository;
use crate::reconcile::{Event, PassError, Progress, Report, Request, Stop};
use crate::settings::{EnvironmentName, Settings};

/// The passes of one environment.
pub struct Runner {
    settings: Arc<Settings>,
    repository: Repository,
    name: EnvironmentName,
    holder: String,
    progress: Progress,
    stop: Stop,
    phase: Arc<Mutex<Option<PhaseName>>>,
    reconciler: Option<Arc<RealReconciler>>,
}

impl Runner {
    /// Nothing is opened before the first pass. `holder` is the id of the state directory's lock.
    pub fn new(
        settings: Arc<Settings>,
        repository: Repository,
        name: EnvironmentName,
        holder: String,
        progress: Progress,
        stop: Stop,
    ) -> Self {
        Self {
            settings,
            repository,
            name,
            holder,
            progress,
            stop,
            phase: Arc::default(),
            reconciler: None,
        }
    }

    /// One pass. When the program is asked to stop, it ends before the next entity is sent; as long
    /// as nothing is in the ledger, at once.
    ///
    /// # Errors
    /// See [`PassError`].
    pub async fn pass(&mut self, request: Request) -> Result<Report, PassError> {
        let reconciler = self.reconciler()?;
        let started = Instant::now();
        self.set_phase(None);
        let span = info_span!("pass", environment = %self.name);
        let mut task = OwnedTask(tokio::spawn(
            async move { reconciler.pass(request).await }.instrument(span.clone()),
        ));
        let result = tokio::select! {
            joined = &mut task.0 => flat(joined),
            () = self.stop.wait() => {
                if self.is_early() {
                    task.0.abort();
                }
                flat((&mut task.0).await)
            }
        };
        span.in_scope(|| self.log(&result, started));
        result
    }

    /// Built when first needed: what is wrong with it concerns this environment alone.
    fn reconciler(&mut self) -> Result<Arc<RealReconciler>, PassError> {
        if let Some(reconciler) = &self.reconciler {
            return Ok(reconciler.clone());
        }
        let (phase, tell) = (self.phase.clone(), self.progress.clone());
        let progress: Progress = Arc::new(move |event| {
            if let Event::Phase { name } = &event {
                *phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(*name);
            }
            log_event(&event);
            tell(event);
        });
        let reconciler = assembly::reconciler(
            &self.settings,
            &self.repository,
            &self.name,
            &self.holder,
            progress,
            self.stop.clone(),
        )
        .map_err(|error| PassError::Stalled {
            message: error.to_string(),
        })?;
        Ok(self.reconciler.insert(Arc::new(reconciler)).clone())
    }

    /// True if the pass has recorded nothing yet, so that nothing has to be parked.
    fn is_early(&self) -> bool {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        match phase {
            None | Some(PhaseName::Validate | PhaseName::Observe) => true,
            Some(
                PhaseName::Snapshot | PhaseName::Write | PhaseName::Verify | PhaseName::Record,
            ) => false,
        }
    }

    fn set_phase(&self, phase: Option<PhaseName>) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    fn log(&self, result: &Result<Report, PassError>, started: Instant) {
        let Ok(report) = result else {
            return;
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let head = report.head.as_ref().map(ToString::to_string);
        if report.releases.is_empty() {
            debug!(head, duration_ms, "nothing to do");
        }
        for release in &report.releases {
            // A field called `message` would take the place of the event's own.
            let outcome = release.message.as_deref();
            let (release, kind, status) = (&release.id, release.kind, release.status);
            match status {
                ReleaseStatus::Failed | ReleaseStatus::Invalid => {
                    error!(head, %release, %kind, %status, duration_ms, outcome, "release not in effect");
                }
                _ => {
                    info!(head, %release, %kind, %status, duration_ms, outcome, "release handled");
                }
            }
        }
    }
}

/// A task that does not outlive its owner.
struct OwnedTask(JoinHandle<Result<Report, PassError>>);

impl Drop for OwnedTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn flat(
    joined: Result<Result<Report, PassError>, tokio::task::JoinError>,
) -> Result<Report, PassError> {
    joined.unwrap_or_else(|error| {
        if error.is_cancelled() {
            return Err(PassError::Stopped);
        }
        Err(PassError::Waiting {
            message: format!("the pass ended unexpectedly ({error}); it is resumed"),
            after: None,
        })
    })
}

fn log_event(event: &Event) {
    match event {
        Event::Phase { name } => debug!(phase = %name, "phase begins"),
        Event::Entity { action } => debug!(%action, "entity written"),
        Event::Line { activity } => {
            let entity = match (&activity.kind, &activity.key, &activity.store) {
                (Some(kind), Some(key), Some(store)) => Some(format!("{kind} {key} ({store})")),
                _ => None,
            };
            let (phase, message) = (activity.phase, &activity.message);
            match activity.level {
                Level::Info => info!(%phase, entity, "{message}"),
                Level::Warning => warn!(%phase, entity, "{message}"),
                Level::Error => error!(%phase, entity, "{message}"),
            }
        }
    }
}
