//! Why a pass ended without an outcome, by what happens next.

use std::time::Duration;

use super::ledger::LoadError;
use super::records::RecordError;
use crate::manifest::TreeError;
use crate::ports::{GitError, LedgerError, Next, StoreError};

/// Why a pass could not be begun or finished. Nothing is lost: what was recorded is resumed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassError {
    /// Goes away by itself: the store or the remote is down, the lease is somebody else's.
    #[error("{message}")]
    Waiting {
        /// What is waited for.
        message: String,
        /// How long at least, where the other side said so.
        after: Option<Duration>,
    },
    /// Another gitmage works on the environment: it gives the lease back, or the lease runs out.
    #[error(
        "another gitmage ({holder}) holds the lease of this environment; taken over in {} s if it does not move",
        super::seconds(*.left)
    )]
    Leased {
        /// Who has it.
        holder: String,
        /// How long it still has to be respected.
        left: Duration,
    },
    /// Needs a person.
    #[error("{message}")]
    Stalled {
        /// What is wrong and what to do.
        message: String,
    },
    /// The program was asked to stop; what is in hand is resumed at the next start.
    #[error("stopped before the pass was finished; it is resumed at the next start")]
    Stopped,
    /// Somebody else moved the ledger: it is read again.
    #[error("the rollback branch was moved by another gitmage; reading it again")]
    Raced,
}

impl PassError {
    /// What happens next.
    pub fn next(&self) -> Next {
        match self {
            Self::Waiting { after, .. } => Next::Retry(*after),
            Self::Leased { left, .. } => Next::Retry(Some(*left)),
            Self::Raced => Next::Retry(None),
            Self::Stalled { .. } | Self::Stopped => Next::Stall,
        }
    }

    pub(super) fn stalled(message: impl Into<String>) -> Self {
        Self::Stalled {
            message: message.into(),
        }
    }

    pub(super) fn waiting(message: impl Into<String>) -> Self {
        Self::Waiting {
            message: message.into(),
            after: None,
        }
    }
}

impl From<GitError> for PassError {
    fn from(error: GitError) -> Self {
        match error.next() {
            Next::Retry(after) => Self::Waiting {
                message: error.to_string(),
                after,
            },
            Next::Stall => Self::stalled(error.to_string()),
        }
    }
}

impl From<LedgerError> for PassError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Raced { .. } => Self::Raced,
            LedgerError::Unavailable { message } => Self::waiting(message),
            LedgerError::Stalled { .. } => Self::stalled(error.to_string()),
        }
    }
}

impl From<LoadError> for PassError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Ledger(error) => error.into(),
            LoadError::Damaged { .. } | LoadError::Older { .. } | LoadError::Newer { .. } => {
                Self::stalled(error.to_string())
            }
        }
    }
}

impl From<RecordError> for PassError {
    fn from(error: RecordError) -> Self {
        Self::stalled(format!("cannot record in the ledger: {error}"))
    }
}

impl From<StoreError> for PassError {
    fn from(error: StoreError) -> Self {
        match error.next() {
            Some(Next::Retry(after)) => Self::Waiting {
                message: error.to_string(),
                after,
            },
            Some(Next::Stall) | None => Self::stalled(error.to_string()),
        }
    }
}

impl From<TreeError> for PassError {
    fn from(error: TreeError) -> Self {
        Self::stalled(format!(
            "a commit of the watched repository cannot be read: {error}; check the repository with `git fsck`; a mirror below state_dir may be deleted and is made again"
        ))
    }
}
