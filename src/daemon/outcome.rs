//! The outcome of a pass, in the few words that go over the control socket and onto a terminal.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, EntityKey, Kind, PhaseName, Release, ReleaseId,
    ReleaseKind, ReleaseStatus, StoreScope,
};
use crate::reconcile::{Event, PassError, Report};

/// The outcome of a pass of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassOutcome {
    /// The environment.
    pub environment: String,
    /// The newest commit handled.
    pub head: Option<CommitId>,
    /// True if everything is at its target.
    pub converged: bool,
    /// The releases that were made or tried again, oldest first.
    pub releases: Vec<HandledRelease>,
    /// Releases of earlier passes that are still failed, newest first.
    pub still_failed: Vec<HandledRelease>,
    /// Why the pass could not be finished.
    pub error: Option<String>,
}

/// A release and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandledRelease {
    /// Its id.
    pub id: ReleaseId,
    /// What it is.
    pub kind: ReleaseKind,
    /// Where it stands.
    pub status: ReleaseStatus,
    /// First line of the commit's message.
    pub subject: String,
    /// One sentence about it.
    pub message: Option<String>,
    /// The entities that could not be brought to their targets.
    pub failed: Vec<FailedEntity>,
}

/// An entity that could not be brought to its target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedEntity {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: EntityKey,
    /// Its assignment.
    pub store: StoreScope,
    /// Why, in the store's words.
    pub error: Option<String>,
}

impl PassOutcome {
    /// The outcome of a pass.
    pub fn of(environment: &str, result: &Result<Report, PassError>) -> Self {
        match result {
            Ok(report) => Self::of_report(environment, report),
            Err(error) => Self::of_error(environment, error.to_string()),
        }
    }

    /// A pass that could not be begun or finished.
    pub fn of_error(environment: &str, error: String) -> Self {
        Self {
            environment: environment.to_owned(),
            head: None,
            converged: false,
            releases: Vec::new(),
            still_failed: Vec::new(),
            error: Some(error),
        }
    }

    fn of_report(environment: &str, report: &Report) -> Self {
        let releases: Vec<HandledRelease> =
            report.releases.iter().map(HandledRelease::of).collect();
        let still_failed = if report.converged {
            Vec::new()
        } else {
            let book = &report.ledger.book;
            let is_open = |release: &Release| {
                release.status == ReleaseStatus::Failed
                    || (release.status == ReleaseStatus::Invalid
                        && Some(&release.commit) == report.head.as_ref())
            };
            book.views()
                .iter()
                .filter(|release| is_open(release))
                .filter(|release| releases.iter().all(|handled| handled.id != release.id))
                .map(HandledRelease::of)
                .collect()
        };
        Self {
            environment: environment.to_owned(),
            head: report.head.clone(),
            converged: report.converged,
            releases,
            still_failed,
            error: None,
        }
    }
}

impl HandledRelease {
    fn of(release: &Release) -> Self {
        Self {
            id: release.id.clone(),
            kind: release.kind,
            status: release.status,
            subject: release.subject.clone(),
            message: release.message.clone(),
            failed: release
                .changes
                .iter()
                .filter(|change| change.status == ChangeStatus::Failed)
                .map(|change| FailedEntity {
                    kind: change.kind,
                    key: change.key.clone(),
                    store: change.store.clone(),
                    error: change.error.clone(),
                })
                .collect(),
        }
    }
}

/// An event of a pass, told as it happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Streamed {
    /// A phase begins.
    Phase {
        /// The environment.
        environment: String,
        /// The phase.
        name: PhaseName,
    },
    /// A line of the activity.
    Line {
        /// The environment.
        environment: String,
        /// The line.
        activity: Activity,
    },
    /// An entity was written.
    Entity {
        /// The environment.
        environment: String,
        /// What was done.
        action: Action,
    },
}

impl Streamed {
    /// An event of an environment's pass.
    pub fn new(environment: &str, event: Event) -> Self {
        let environment = environment.to_owned();
        match event {
            Event::Phase { name } => Self::Phase { environment, name },
            Event::Line { activity } => Self::Line {
                environment,
                activity,
            },
            Event::Entity { action } => Self::Entity {
                environment,
                action,
            },
        }
    }

    /// The environment it is about.
    pub fn environment(&self) -> &str {
        match self {
            Self::Phase { environment, .. }
            | Self::Line { environment, .. }
            | Self::Entity { environment, .. } => environment,
        }
    }
}
