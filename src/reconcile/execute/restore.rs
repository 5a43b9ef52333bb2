//! `on_failure: restore`: when an entity of a pass failed, what the pass wrote is undone.
//!
//! # Guarantees
//! What is put back is what the snapshot holds, exactly. A crash on the way is resumed like any
//! other: the pass is tried again as a whole, and undone again if it fails again, with what the
//! interrupted attempt had written.

use std::collections::BTreeMap;

use super::Execution;
use crate::domain::{EntityRef, FieldId, Level, Observation, Presence, Slot};
use crate::plan::{Before, Being, Decision, EntityWork, SlotRecord, Want};
use crate::ports::{Clock, Ledger, StoreWrite};
use crate::reconcile::error::PassError;

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Undoes what was written, if anything failed and the policy says so.
    pub(super) async fn restore(&mut self, seen: Observation) -> Result<(), PassError> {
        if !self.tools.restore || !self.results.values().any(super::EntityResult::is_failed) {
            return Ok(());
        }
        let mut back: BTreeMap<EntityRef, EntityWork> = BTreeMap::new();
        let mut written: BTreeMap<EntityRef, Decision> = BTreeMap::new();
        for (entity, work) in &self.work {
            if let Some(decision) = self.written(entity, work)
                && let Some(undoing) = self.undoing(entity, work, &decision)
            {
                back.insert(entity.clone(), undoing);
                written.insert(entity.clone(), decision);
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        self.journal.line(
            Level::Warning,
            "an entity failed: what this pass wrote is being restored (on_failure: restore)",
        );
        // All or nothing: what is restored is tried again when what failed is.
        let permanent = self.results.values().any(super::EntityResult::is_permanent);
        let wanted = std::mem::replace(&mut self.work, back);
        let mut outcome = std::mem::take(&mut self.results);
        self.begun.clear();
        self.observation.extend(seen);
        self.observed_at = self.tools.clock.monotonic();
        for level in self.levels() {
            self.level(level).await?;
        }
        self.outlast(None).await?;
        self.verify().await?;
        for (entity, restored) in std::mem::take(&mut self.results) {
            let Some(result) = outcome.get_mut(&entity) else {
                continue;
            };
            match restored.error() {
                None => {
                    self.journal.about(Level::Info, &entity, "restored");
                    if let Some(decision) = written.remove(&entity) {
                        result.restored(decision, permanent);
                    }
                }
                Some(error) => {
                    let message = format!("could not be restored: {error}");
                    self.journal.about(Level::Error, &entity, message.clone());
                    result.not_restored(message);
                }
            }
        }
        self.work = wanted;
        self.results = outcome;
        Ok(())
    }

    /// What was sent to an entity by this attempt, or by one that was interrupted.
    fn written(&self, entity: &EntityRef, work: &EntityWork) -> Option<Decision> {
        let result = self.results.get(entity)?;
        match result.was_written() {
            true => Some(result.decision().clone()),
            false => self.interrupted(entity, work),
        }
    }

    fn undoing(
        &self,
        entity: &EntityRef,
        work: &EntityWork,
        decision: &Decision,
    ) -> Option<EntityWork> {
        let before = |field: &FieldId| -> Option<&Before> {
            let slot = Slot {
                entity: entity.clone(),
                field: field.clone(),
            };
            self.first_record(&slot).map(SlotRecord::read)
        };
        let being = match decision {
            Decision::Create(_) => Being::Absent { put_back: true },
            Decision::Delete => match (before(&FieldId::Existence), self.observation.get(entity)) {
                (Some(Before::Entity(Some(whole))), _) => Being::Present(whole.clone()),
                (_, Some(Presence::Found(found))) => Being::Present(found.fields.clone()),
                _ => return None,
            },
            Decision::Update(_) | Decision::Noop | Decision::Refused(_) => Being::Any,
        };
        let fields = match decision {
            Decision::Update(sent) => sent
                .keys()
                .filter_map(|name| match before(&FieldId::Named(name.clone()))? {
                    Before::Value(value) => Some((
                        name.clone(),
                        Want {
                            value: value.to_value(),
                            exact: true,
                        },
                    )),
                    Before::Missing | Before::Entity(_) | Before::Unknown => None,
                })
                .collect(),
            Decision::Create(_) | Decision::Delete | Decision::Noop | Decision::Refused(_) => {
                BTreeMap::new()
            }
        };
        Some(EntityWork {
            being,
            fields,
            slots: work.slots.clone(),
            explicit: true,
            problem: None,
        })
    }

    /// What an attempt that was interrupted has sent: the entity is at its target, and was not when
    /// the snapshot was taken.
    fn interrupted(&self, entity: &EntityRef, work: &EntityWork) -> Option<Decision> {
        if !self.recorded.resumed() {
            return None;
        }
        let before = |field: FieldId| {
            let slot = Slot {
                entity: entity.clone(),
                field,
            };
            self.first_record(&slot).map(SlotRecord::read)
        };
        let existed = before(FieldId::Existence);
        match (self.observation.get(entity)?, &work.being, existed) {
            (Presence::Found(found), Being::Present(_), Some(Before::Missing)) => {
                Some(Decision::Create(found.fields.clone()))
            }
            (Presence::Missing, Being::Absent { .. }, Some(Before::Entity(_))) => {
                Some(Decision::Delete)
            }
            (Presence::Found(found), _, _) => {
                // What is at neither was edited in Magento meanwhile.
                let reached = work
                    .fields
                    .iter()
                    .filter(|(name, want)| want.met_in(entity, name, found));
                let moved = reached.filter_map(|(name, _)| {
                    let seen = found.get(name);
                    match before(FieldId::Named(name.clone()))? {
                        Before::Value(value) if value != seen => Some((name.clone(), seen.clone())),
                        _ => None,
                    }
                });
                let moved: BTreeMap<_, _> = moved.collect();
                (!moved.is_empty()).then_some(Decision::Update(moved))
            }
            _ => None,
        }
    }

    /// The record that holds what was really read: the lowest of the pass, or that of the release
    /// whose failed write was tried again.
    fn first_record(&self, slot: &Slot) -> Option<&SlotRecord> {
        let book = self.hold.book();
        self.recorded
            .pass()
            .releases
            .iter()
            .find_map(|seq| book.releases.get(seq)?.slot(slot))
            .or_else(|| {
                let standing = book.standings.get(slot)?;
                book.releases.get(&standing.release)?.slot(slot)
            })
    }
}
