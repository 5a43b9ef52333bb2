//! The traits that the core needs of the world: Git, the ledger, the store and a clock.
//!
//! Errors are classified here, once, by what happens next ([`Next`]).

mod backoff;
mod clock;
mod git;
mod store;

use std::time::Duration;

pub use backoff::Backoff;
pub use clock::Clock;
pub use git::{
    CommitInfo, GitError, Ledger, LedgerCommit, LedgerEntry, LedgerError, RepositoryName, Source,
};
pub use store::{
    BatchKey, BulkId, Operation, Payload, StoreError, StoreRead, StoreWrite, Submitted, Write,
};

/// The step that follows an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Waiting helps: tried again by itself, after this long at least where the other side said so.
    Retry(Option<Duration>),
    /// A person must act; looked at again with the next trigger.
    Stall,
}
