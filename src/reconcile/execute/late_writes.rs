//! Waiting for writes whose answers were lost.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Execution, observe};
use crate::domain::{EntityRef, Level};
use crate::plan::{Decision, WriteStep, decide};
use crate::ports::{Clock, Ledger, StoreWrite};
use crate::reconcile::error::PassError;

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Waits until no lost write can arrive any more at an entity that shall show something else, and
    /// writes again where one did. `pass`: when the pass began; `None` while it is undone.
    pub(super) async fn await_late_writes(
        &mut self,
        pass: Option<Timestamp>,
    ) -> Result<(), PassError> {
        let now = self.tools.clock.monotonic();
        self.in_flight().forget(now);
        let threatened: BTreeMap<EntityRef, Duration> = self
            .results
            .iter()
            .filter(|(_, result)| result.was_written() || !result.is_failed())
            .filter_map(|(entity, _)| {
                let work = self.work.get(entity)?;
                let until = self.in_flight().threaten(entity, work, pass, now)?;
                Some((entity.clone(), until))
            })
            .collect();
        let Some(until) = threatened.values().max().copied() else {
            return Ok(());
        };
        for entity in threatened.keys() {
            self.journal.about(
                Level::Warning,
                entity,
                "an earlier write whose answer was lost may still arrive; read again once it cannot any more",
            );
        }
        while self.tools.clock.monotonic() < until {
            self.ready().await?;
            let left = until.saturating_sub(self.tools.clock.monotonic());
            self.tools
                .clock
                .sleep(left.min(Duration::from_secs(1)))
                .await;
        }
        let entities = threatened.into_keys().collect();
        let seen = observe(self.tools, &entities).await?;
        self.observation.extend(seen);
        let (mut late, mut results) = (Vec::new(), BTreeMap::new());
        for entity in entities {
            let (Some(work), Some(presence)) =
                (self.work.get(&entity), self.observation.get(&entity))
            else {
                continue;
            };
            if decide(&entity, work, presence, &self.around) != Decision::Noop {
                self.journal.about(
                    Level::Warning,
                    &entity,
                    "a write whose answer had been lost arrived late; written again",
                );
                results.extend(self.results.remove_entry(&entity));
                late.push(entity);
            }
        }
        let late = late.into_iter().map(WriteStep::Whole);
        self.level(late.collect()).await?;
        // What was sent in the end is both writes together: the later one may be a part of the first.
        for (entity, first) in results {
            if let Some(result) = self.results.get_mut(&entity) {
                result.repeats(first);
            }
        }
        Ok(())
    }
}
