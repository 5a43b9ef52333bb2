//! Whether a pass may use the store's queue, and what an earlier one has left in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Memory, Reconciler};
use crate::domain::{EntityRef, Kind, Level};
use crate::ports::{Clock, Ledger, Source, StoreError, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::execute;
use crate::reconcile::journal::Journal;
use crate::reconcile::ledger::LedgerSnapshot;
use crate::reconcile::queue::{Watch, Writes};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// How many entities of a kind it takes to go through the queue; `None`: none of these do. That it
    /// can be used is found out before anything is recorded, once a process.
    pub(super) async fn queue(
        &self,
        memory: &mut Memory,
        entities: &BTreeSet<EntityRef>,
        journal: &mut Journal,
    ) -> Result<Option<usize>, PassError> {
        let Some(least) = self.setup.writes.least() else {
            return Ok(None);
        };
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        for entity in entities.iter().filter(|e| e.kind.route.bulk.is_some()) {
            *counts.entry(entity.kind).or_default() += 1;
        }
        if counts.values().all(|count| *count < least) {
            return Ok(None);
        }
        if memory.queue {
            return Ok(Some(least));
        }
        let check = || async {
            match self.store.check_queue().await {
                Ok(()) => Ok(None),
                Err(
                    error @ (StoreError::Unauthorized { .. }
                    | StoreError::Unusable { .. }
                    | StoreError::Refused { .. }),
                ) => Ok(Some(error)),
                Err(error) => Err(error),
            }
        };
        let Some(error) = execute::retry(self.clock.as_ref(), check).await? else {
            memory.queue = true;
            return Ok(Some(least));
        };
        if self.setup.writes == Writes::Auto {
            journal.line(
                Level::Warning,
                format!(
                    "the store's queue cannot be used, so that all is sent one by one: {error}"
                ),
            );
            return Ok(None);
        }
        Err(PassError::stalled(format!(
            "the store's queue cannot be used: {error}; or set `writes: rest`"
        )))
    }

    /// Waits until nothing of the pass in hand is open in the store's queue any more, whoever sent it:
    /// what is sent before would be overwritten by it.
    pub(super) async fn outlast_queue(&self, ledger: &LedgerSnapshot) -> Result<(), PassError> {
        let pass = ledger.state.as_ref().and_then(|s| s.pass.as_ref());
        let Some(pass) = pass.filter(|pass| !pass.bulks.is_empty()) else {
            return Ok(());
        };
        let clock = self.clock.as_ref();
        let mut watch = Watch::new(pass.bulks.iter().cloned(), clock.monotonic());
        while let Some(pause) = watch
            .look(self.store.as_ref(), clock, self.setup.timeout)
            .await?
        {
            if self.stop.requested() {
                return Err(PassError::Stopped);
            }
            clock.sleep(pause).await;
        }
        Ok(())
    }
}
