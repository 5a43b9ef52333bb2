//! The ledger as a pass begins with it: read anew where it moved, never moved back, and nobody else's lease.

use tracing::warn;

use super::{Memory, Reconciler};
use crate::domain::CommitId;
use crate::ports::{Clock, Ledger, Source, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::ledger::{self, LedgerSnapshot};
use crate::reconcile::memory::{self, remembered};
use crate::reconcile::{blocking, lease};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// The ledger at the remote's tip, read again only when it moved.
    pub(super) async fn read(
        &self,
        memory: &mut Memory,
        rebootstrap: bool,
    ) -> Result<LedgerSnapshot, PassError> {
        let source = self.source.clone();
        let ledger = self.ledger.clone();
        let branch = self.setup.rollback_branch.clone();
        let known = memory.ledger.clone();
        let ledger = blocking(move || {
            source.refresh()?;
            ledger.refresh()?;
            let tip = ledger.tip()?;
            match known {
                Some(known) if known.tip == tip => Ok(known),
                _ => Ok(ledger::load(ledger.as_ref(), &branch)?),
            }
        })
        .await?;
        if ledger.tip.is_none()
            && !rebootstrap
            && let Some(remembered) = remembered(&self.setup.memory, &self.setup.rollback_branch)
        {
            return Err(PassError::stalled(format!(
                "the rollback branch {} is gone, but {} remembers its commit {}; push that commit back, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
                self.setup.rollback_branch,
                self.setup.memory.display(),
                remembered
            )));
        }
        if !rebootstrap {
            self.only_forward(&ledger).await?;
        }
        memory.ledger = Some(ledger.clone());
        Ok(ledger)
    }

    /// The rollback branch must hold the newest commit that this host has seen on it: one that was
    /// moved back has lost snapshots, and what is deployed on it would be snapshotted as the original.
    pub(super) async fn only_forward(&self, ledger: &LedgerSnapshot) -> Result<(), PassError> {
        let branch = self.setup.rollback_branch.clone();
        let (Some(tip), Some(remembered)) =
            (ledger.tip.clone(), remembered(&self.setup.memory, &branch))
        else {
            return Ok(());
        };
        let Ok(remembered) = CommitId::new(remembered) else {
            return Ok(());
        };
        if remembered == tip {
            return Ok(());
        }
        // Looked for only when somebody else has moved the branch since.
        let ledger = self.ledger.clone();
        let known = remembered.clone();
        let holds = move || {
            Ok(ledger
                .history(&tip, None)?
                .iter()
                .any(|entry| entry.id == known))
        };
        if blocking(holds).await? {
            return Ok(());
        }
        Err(PassError::stalled(format!(
            "the rollback branch {branch} was moved back or rewritten: it does not hold its commit {remembered}, which {} remembers, so snapshots are missing; push that commit back, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`",
            self.setup.memory.display()
        )))
    }

    pub(super) fn respect_lease(
        &self,
        memory: &mut Memory,
        ledger: &LedgerSnapshot,
    ) -> Result<(), PassError> {
        let (Some(tip), Some(state)) = (&ledger.tip, &ledger.state) else {
            return Ok(());
        };
        let Some(lease) = &state.lease else {
            return Ok(());
        };
        let now = self.clock.monotonic();
        let left = lease::respect(&mut memory.seen, tip, lease, &self.setup.holder, now);
        if left.is_zero() {
            return Ok(());
        }
        Err(PassError::Leased {
            holder: lease.holder.clone(),
            left,
        })
    }

    pub(super) fn keep(&self, memory: &mut Memory, ledger: LedgerSnapshot) -> LedgerSnapshot {
        if let Some(tip) = &ledger.tip
            && let Err(error) = memory::write(&self.setup.memory, &self.setup.rollback_branch, tip)
        {
            warn!(path = %self.setup.memory.display(), %error, "cannot remember the ledger's newest commit");
        }
        memory.ledger = Some(ledger.clone());
        ledger
    }
}
