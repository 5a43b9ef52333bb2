//! Observe, plan, snapshot, apply, verify, roll back: one pass of one environment at a time.
//!
//! # Guarantees
//! - No write to a store without its snapshot already in the ledger (`hold`).
//! - A pass that was interrupted at any point is resumed with its first snapshot.
//! - A field with no transition in the pass, and no failed write to be repeated, is not sent.

mod audit;
mod collateral;
mod error;
mod execute;
mod hold;
mod in_flight;
mod journal;
mod lease;
mod ledger;
mod memory;
mod outcome;
mod pass;
mod pool;
mod preview;
mod queue;
mod records;
#[cfg(test)]
mod tests;
mod throttle;
mod walk;
mod write;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use audit::{Audit, Flaw, audit};
pub use error::PassError;
pub use ledger::{
    LedgerSnapshot, LoadError, PassFile, Recent, ReleaseList, State, StoreIdentity, is_own, load,
    load_releases, load_state,
};
pub use memory::remembered;
pub use pass::{Reconciler, Report, Request, Setup, Sibling};
pub use preview::{Preview, PreviewedChange, PreviewedField, PreviewedOverride, PreviewedRelease};
pub use queue::Writes;
pub use walk::{Bootstrap, Rewrites, Route, Walked, brought_in, tip_of, walk};

use crate::domain::{Action, Activity, PhaseName};
use crate::ports::Clock;

/// What happens in a pass, as it happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// A phase begins.
    Phase {
        /// The phase.
        name: PhaseName,
    },
    /// A line of the activity.
    Line {
        /// The line.
        activity: Activity,
    },
    /// An entity was written.
    Entity {
        /// What was done.
        action: Action,
    },
}

/// Told what happens.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;

/// Whether the program was asked to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A stop, and the sender that asks for it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether it was asked for.
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is asked for.
    pub async fn wait(&mut self) {
        // A sender that is gone cannot ask any more.
        if self.0.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Runs what blocks (Git, files) where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PassError> + Send + 'static,
) -> Result<T, PassError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(PassError::waiting(format!(
            "a Git operation ended unexpectedly: {error}"
        ))),
    }
}

/// The wall clock in whole milliseconds, as records keep it.
fn now<C: Clock>(clock: &C) -> Timestamp {
    let at = clock.now();
    at.round(jiff::Unit::Millisecond).unwrap_or(at)
}

/// A clock reading that outlives a borrow.
fn now_of<C: Clock>(clock: &Arc<C>) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    let clock = clock.clone();
    Arc::new(move || now(clock.as_ref()))
}

/// Zero, or how long is left, for messages: whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
