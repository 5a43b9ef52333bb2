//! The pass that the ledger has in hand, and carrying a recorded pass out.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use tracing::warn;

use super::{Carrying, Memory, Reconciler, forward::with_roots};
use crate::domain::{EntityRef, Level, Observation, PhaseName};
use crate::plan::{Book, Observed, Seq, attempt, look_at};
use crate::ports::{Clock, Ledger, Source, StoreWrite};
use crate::reconcile::error::PassError;
use crate::reconcile::execute::{self, Execution};
use crate::reconcile::hold::Hold;
use crate::reconcile::in_flight::InFlightWrites;
use crate::reconcile::ledger::{LedgerSnapshot, PassFile, State};

impl<S: Source, L: Ledger, M: StoreWrite, C: Clock> Reconciler<S, L, M, C> {
    /// Finishes the pass that the ledger has in hand, with its first snapshot.
    pub(super) async fn resume(
        &self,
        memory: &mut Memory,
        ledger: LedgerSnapshot,
        pass: PassFile,
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        let Some(state) = ledger.state.clone() else {
            return Ok((ledger, Vec::new()));
        };
        let mut journal = self.journal();
        journal.begin(PhaseName::Observe);
        journal.line(
            Level::Info,
            "resumed: the pass was interrupted; its first snapshot stays",
        );
        let views = self.views(&state.store).await?;
        let entities: BTreeSet<EntityRef> = pass.entities.iter().cloned().collect();
        let mut tools = self.tools(views, &ledger.book, &entities).await?;
        tools.queue = self.queue(memory, &entities, &mut journal).await?;
        let asked = self.clock.monotonic();
        let observation = execute::observe(&tools, &with_roots(&entities)).await?;
        self.inherit(&state, &pass, &entities, asked);
        let mut book = Book::clone(&ledger.book);
        let look = Observed(&observation);
        let edits = look_at(&mut book, &look, pass.sequence, self.setup.policy);
        for slot in edits.keys() {
            let line = format!(
                "{}: shows neither the value of the snapshot nor the release's; it is kept beside the snapshot",
                slot.field
            );
            journal.about(Level::Warning, &slot.entity, line);
        }
        let plan = tools.plan(&book, &entities, &observation);
        attempt(&mut book, &plan.work, &observation);
        self.in_flight()
            .note(&mut book, &entities, self.clock.monotonic());
        let mut hold = self.hold(&ledger, state);
        let recorded = hold.resume(book, pass, edits).await?;
        let carrying = Carrying {
            recorded,
            plan,
            tools,
            journal,
        };
        self.carry_out(hold, carrying, (observation, asked)).await
    }

    /// What another process may have in flight that has begun the pass: everything where it did not
    /// give the pass back, and what it said itself.
    pub(super) fn inherit(
        &self,
        state: &State,
        pass: &PassFile,
        entities: &BTreeSet<EntityRef>,
        asked: Duration,
    ) {
        let mut in_flight = self.in_flight();
        if in_flight.is_foreign(pass.started_at) && (pass.in_doubt || state.lease.is_some()) {
            let sender = (!pass.in_doubt).then_some(pass.started_at);
            in_flight.inherited(entities, sender, asked, self.setup.timeout);
        }
    }

    pub(super) fn in_flight(&self) -> std::sync::MutexGuard<'_, InFlightWrites> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether lost writes may still arrive at these entities.
    pub(super) fn in_doubt(&self, entities: &BTreeSet<EntityRef>) -> bool {
        self.in_flight().concern(entities, self.clock.monotonic())
    }

    pub(super) async fn carry_out(
        &self,
        mut hold: Hold<L, C>,
        carrying: Carrying<M, C>,
        observed: (Observation, Duration),
    ) -> Result<(LedgerSnapshot, Vec<Seq>), PassError> {
        let Carrying {
            recorded,
            plan,
            tools,
            mut journal,
        } = carrying;
        self.in_flight().carries_out(recorded.pass().started_at);
        let execution = Execution::new(&mut hold, &recorded, &tools, &mut journal, &plan, observed);
        let (book, mut outcomes) = match execution.run(plan).await {
            Ok(carried) => carried,
            Err(PassError::Raced) => return Err(PassError::Raced),
            Err(error) => {
                // The lease is given back; a park that fails only makes the others wait for its end.
                let entities = recorded.pass().entities.iter().cloned().collect();
                if let Err(park) = hold.park(self.in_doubt(&entities)).await {
                    warn!(error = %park, "the lease could not be given back; it runs out by itself");
                }
                return Err(error);
            }
        };
        journal.begin(PhaseName::Record);
        journal.end();
        for (seq, outcome) in &mut outcomes {
            if recorded.pass().releases.contains(seq) {
                outcome.phases = journal.phases().to_vec();
            }
            outcome.finished_at = Some(journal.now());
        }
        let seqs = outcomes.keys().copied().collect();
        hold.finish(recorded, book, outcomes).await?;
        Ok((hold.into_snapshot(), seqs))
    }
}
