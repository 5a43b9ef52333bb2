//! What a pass wrote is undone: all of it where an entity failed and `on_failure: restore` says so, and
//! in any case what was only of use together with what failed. Where one entity was deleted, or had its
//! value put aside, for another that could not be carried out, the shop would be left with neither.
//!
//! # Guarantees
//! What is put back is what the snapshot holds, exactly. A crash on the way is resumed like any
//! other: the pass is tried again as a whole, and undone again if it fails again, with what the
//! interrupted attempt had written.
//!
//! # Accepted losses
//! What is deleted and made again has a new id.

use std::collections::{BTreeMap, BTreeSet};

use super::{EntityResult, Execution};
use crate::domain::{
    EntityId, EntityRef, FieldId, FieldName, Level, Observation, ObservedEntity, Presence, Slot,
    Value,
};
use crate::plan::{Decision, EntityWork, ExistenceGoal, FieldGoal, Shown};
use crate::ports::{Clock, Ledger, StoreWrite};
use crate::reconcile::error::PassError;

/// Why what was written of an entity is of no use.
#[derive(Debug, Clone)]
struct Useless {
    /// What could not be carried out.
    failed: EntityRef,
    /// Whether only a person or another value helps there.
    permanent: bool,
}

/// What the pass wanted, what became of it, and what shows after it was undone.
type Undone = (
    BTreeMap<EntityRef, EntityWork>,
    BTreeMap<EntityRef, EntityResult>,
    Observation,
);

impl<L: Ledger, M: StoreWrite, C: Clock> Execution<'_, L, M, C> {
    /// Undoes what was written, if anything failed and the policy says so, or nothing was gained.
    pub(super) async fn restore(&mut self, seen: Observation) -> Result<(), PassError> {
        let any = self.results.values().any(EntityResult::is_failed);
        let useless = self.useless();
        let all = self.tools.restore && any;
        let mut back: BTreeMap<EntityRef, EntityWork> = BTreeMap::new();
        let mut written: BTreeMap<EntityRef, Decision> = BTreeMap::new();
        let concerned = |entity: &EntityRef| all || useless.contains_key(entity);
        for (entity, work) in self.work.iter().filter(|(entity, _)| concerned(entity)) {
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
        let line = match all {
            true => {
                "an entity failed: what this pass wrote is being restored (on_failure: restore)"
            }
            false => {
                "an entity failed: what was written only for it is taken back, so that the shop is not left with neither"
            }
        };
        self.journal.line(Level::Warning, line);
        let (wanted, mut outcome, after) = self.undo(back, seen).await?;
        let useless = match all {
            true => BTreeMap::new(),
            false => useless,
        };
        let taken_back = self.tell_undone(&mut outcome, written, &useless);
        self.work = wanted;
        self.results = outcome;
        self.judge(&taken_back, &after);
        Ok(())
    }

    /// Notes with every entity what became of its undoing. Returns those that were taken back because
    /// another one could not be carried out.
    fn tell_undone(
        &mut self,
        outcome: &mut BTreeMap<EntityRef, EntityResult>,
        mut written: BTreeMap<EntityRef, Decision>,
        useless: &BTreeMap<EntityRef, Useless>,
    ) -> Vec<EntityRef> {
        let mut taken_back = Vec::new();
        for (entity, restored) in std::mem::take(&mut self.results) {
            let Some(result) = outcome.get_mut(&entity) else {
                continue;
            };
            if let Some(error) = restored.error() {
                let message = format!("could not be restored: {error}");
                self.journal.about(Level::Error, &entity, message.clone());
                result.not_restored(message);
                continue;
            }
            self.journal.about(Level::Info, &entity, "restored");
            let Some(decision) = written.remove(&entity) else {
                continue;
            };
            match useless.get(&entity) {
                Some(Useless { failed, permanent }) => {
                    // An entity that was not sent knows why by itself.
                    let why = match (&decision, result.error()) {
                        (_, Some(why)) => why.to_owned(),
                        (Decision::Delete, None) => format!(
                            "made again, because {}, for which it was deleted, could not be carried out",
                            failed.named()
                        ),
                        (_, None) => format!(
                            "taken back, because {}, which belongs to it, could not be carried out",
                            failed.named()
                        ),
                    };
                    *result = EntityResult::failed(decision, why, *permanent);
                    taken_back.push(entity);
                }
                None => result.restored(restored),
            }
        }
        taken_back
    }

    /// Writes what was before. The answer is what the pass wanted, what became of that, and what shows
    /// now; what became of the undoing are the results.
    async fn undo(
        &mut self,
        back: BTreeMap<EntityRef, EntityWork>,
        seen: Observation,
    ) -> Result<Undone, PassError> {
        self.observation.extend(seen);
        self.observed_at = self.tools.clock.monotonic();
        let plan = self.tools.plan_work(back, &self.observation);
        let wanted = std::mem::take(&mut self.work);
        let outcome = std::mem::take(&mut self.results);
        self.begun.clear();
        self.asides = super::Asides::default();
        for level in self.take_over(plan) {
            self.level(level).await?;
        }
        self.await_late_writes(None).await?;
        let after = self.verify(|_| true).await?;
        Ok((wanted, outcome, after))
    }

    /// What was written only for an entity that could not be carried out: where something was deleted
    /// for it or is put aside for it still, all that is handed over with it.
    fn useless(&self) -> BTreeMap<EntityRef, Useless> {
        let mut useless = BTreeMap::new();
        for handover in self.handovers() {
            let results = handover.iter().filter_map(|entity| {
                let result = self.results.get(entity)?;
                Some((entity, result))
            });
            let results: Vec<(&EntityRef, &EntityResult)> = results.collect();
            let not_there = |result: &EntityResult| result.is_failed() && !result.was_written();
            let failed = results.iter().filter(|(_, result)| not_there(result));
            // The one that the store refused says more than those that were not sent for it.
            let Some((first, _)) = failed.max_by_key(|(_, result)| result.was_tried()) else {
                continue;
            };
            let is_given_up = results.iter().any(|(entity, result)| {
                let work = self.work.get(*entity);
                let written = work.and_then(|work| self.written(entity, work));
                let aside = self.asides.of(entity).is_some() && not_there(result);
                aside || written == Some(Decision::Delete)
            });
            let permanent = results.iter().any(|(_, result)| result.is_permanent());
            if is_given_up {
                useless.extend(handover.iter().map(|entity| {
                    let failed = (*first).clone();
                    (entity.clone(), Useless { failed, permanent })
                }));
            }
        }
        useless
    }

    /// What the pass hands over, with what an interrupted attempt of it had handed over by then.
    fn handovers(&self) -> Vec<BTreeSet<EntityRef>> {
        if !self.recorded.resumed() {
            return self.around.room().handovers();
        }
        let plan = self.tools.plan_work(self.work.clone(), &self.as_recorded());
        plan.around.room().handovers()
    }

    /// The entities as the snapshot has them.
    fn as_recorded(&self) -> Observation {
        let recorded = |(entity, work): (&EntityRef, &EntityWork)| {
            let before = |field: &FieldId| self.before(entity, field);
            let mut presence = self.observation.get(entity)?.clone();
            match (before(&FieldId::Existence), &presence) {
                (Some(Shown::Gone), Presence::Found(_)) => presence = Presence::Missing,
                (Some(Shown::Here), Presence::Missing | Presence::Elsewhere(_)) => {
                    presence = Presence::Found(ObservedEntity {
                        id: EntityId(0),
                        fields: self.whole_before(entity).unwrap_or_default(),
                        inherited: None,
                    });
                }
                _ => {}
            }
            if let Presence::Found(found) = &mut presence {
                for field in &work.slots {
                    if let (FieldId::Named(name), Some(Shown::Value(value))) =
                        (field, before(field))
                    {
                        found.fields.insert(name.clone(), value.to_value());
                    }
                }
            }
            Some((entity.clone(), presence))
        };
        self.work.iter().filter_map(recorded).collect()
    }

    /// What was sent to an entity by this attempt, or by one that was interrupted.
    fn written(&self, entity: &EntityRef, work: &EntityWork) -> Option<Decision> {
        let result = self.results.get(entity)?;
        let sent = match result.was_written() {
            true => Some(result.decision().clone()),
            false => self.interrupted(entity, work),
        };
        let Some(aside) = self.asides.of(entity) else {
            return sent;
        };
        let mut fields = aside.clone();
        if let Some(Decision::Update(sent)) = sent {
            fields.extend(sent);
        }
        Some(Decision::Update(fields))
    }

    /// The inverse of what was sent to an entity.
    fn undoing(
        &self,
        entity: &EntityRef,
        work: &EntityWork,
        decision: &Decision,
    ) -> Option<EntityWork> {
        let being = match decision {
            Decision::Create(_) => ExistenceGoal::Absent { put_back: true },
            Decision::Delete => ExistenceGoal::Present(self.whole_before(entity)?),
            Decision::Update(_) | Decision::Noop | Decision::Refused(_) => ExistenceGoal::Any,
        };
        let fields = match decision {
            Decision::Update(sent) => sent
                .keys()
                .filter_map(|name| {
                    let before = self.before(entity, &FieldId::Named(name.clone()))?;
                    let value = before.value()?.clone();
                    Some((name.clone(), FieldGoal { value, exact: true }))
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
            notes: Vec::new(),
        })
    }

    /// All fields of an entity, as the store held them before the pass.
    fn whole_before(&self, entity: &EntityRef) -> Option<BTreeMap<FieldName, Value>> {
        let managed = self.hold.book().entity(entity)?;
        let own = managed.slots.keys().filter(|slot| slot.entity == *entity);
        let fields = own.filter_map(|slot| match &slot.field {
            FieldId::Named(name) => {
                let before = self.before(entity, &slot.field)?;
                Some((name.clone(), before.value()?.clone()))
            }
            FieldId::Existence => None,
        });
        Some(fields.collect())
    }

    /// What an attempt that was interrupted has sent: the entity is at its target, and was not when
    /// the snapshot was taken.
    fn interrupted(&self, entity: &EntityRef, work: &EntityWork) -> Option<Decision> {
        if !self.recorded.resumed() {
            return None;
        }
        let before = |field: FieldId| self.before(entity, &field);
        let existed = before(FieldId::Existence);
        match (self.observation.get(entity)?, &work.being, existed) {
            (Presence::Found(found), ExistenceGoal::Present(_), Some(Shown::Gone)) => {
                Some(Decision::Create(found.fields.clone()))
            }
            (
                Presence::Missing | Presence::Elsewhere(_),
                ExistenceGoal::Absent { .. },
                Some(Shown::Here),
            ) => Some(Decision::Delete),
            (Presence::Found(found), _, _) => {
                // What is at neither was edited in Magento meanwhile.
                let reached = work
                    .fields
                    .iter()
                    .filter(|(name, want)| want.met_in(entity, name, found));
                let moved = reached.filter_map(|(name, _)| {
                    let seen = found.get(name);
                    match before(FieldId::Named(name.clone()))? {
                        Shown::Value(value) if value != *seen => Some((name.clone(), seen.clone())),
                        Shown::Value(_) | Shown::Gone | Shown::Here | Shown::Unknown => None,
                    }
                });
                let moved: BTreeMap<_, _> = moved.collect();
                (!moved.is_empty()).then_some(Decision::Update(moved))
            }
            _ => None,
        }
    }

    /// What the store held of a slot before the pass wrote to it: what the snapshot says; of what is
    /// tried again what was observed, or after a crash what shows beneath its layers.
    fn before(&self, entity: &EntityRef, field: &FieldId) -> Option<Shown> {
        let slot = Slot {
            entity: entity.clone(),
            field: field.clone(),
        };
        let book = self.hold.book();
        let releases = &self.recorded.pass().releases;
        let planned = releases.iter().find_map(|seq| {
            let planned = book.releases.get(seq)?.entities.get(entity)?;
            planned.fields.get(field)
        });
        let snapshot = planned.map(|planned| planned.before.clone());
        let observed = || {
            let held = &book.slot(&slot)?.held;
            let is_known = !self.recorded.resumed() || held.len() > 1;
            is_known.then(|| held.first()).flatten()
        };
        let beneath = || {
            let mut state = book.slot(&slot)?.clone();
            let again = book.entity(entity)?.moved_by.get(&slot).copied();
            state.park(releases);
            state.park(again.as_slice());
            Some(state.target().shown.clone())
        };
        let late = self.late_edits.get(&slot).cloned();
        late.or(snapshot)
            .or_else(|| Some(observed()?.value.clone()))
            .or_else(beneath)
    }
}
