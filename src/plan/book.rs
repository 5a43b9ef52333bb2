//! The book of one environment: its releases and what follows from them by replay.

mod record;
mod slots;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::record::{EntityRecord, PathChange, ReleaseRecord, SlotRecord};
pub use self::slots::Slots;
pub use self::view::{show, show_desired};
use super::decide::may_be;
use super::stack::{self, Before, Seq, Stack, Target};
use crate::domain::{
    CommitId, DesiredValue, Ensure, EntityRef, FieldId, FieldName, ReleaseId, Slot, Value,
};

/// Where a slot stands after the release that touched it last.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// That release.
    pub release: Seq,
    /// What the store shall show; never [`Target::Leave`].
    pub target: Target,
    /// Today's desired value.
    pub desired: Option<DesiredValue>,
    /// Whether the store was brought there.
    pub done: bool,
    /// Whether the target is the value before something that was written.
    pub undoes: bool,
    /// Whether only a person's `retry` or another value helps.
    pub permanent: bool,
}

impl Standing {
    /// Whether a rollback has still to put something back that had really been there.
    fn owes(&self) -> bool {
        self.undoes && !self.done && matches!(self.target, Target::PutBack(_))
    }

    /// What a rollback has still to put back, in this pass or because an earlier one failed.
    pub(super) fn debt(&self) -> Option<&Before> {
        match &self.target {
            Target::PutBack(before) if self.owes() && *before != Before::Unknown => Some(before),
            Target::PutBack(_) | Target::Desired(_) | Target::Leave => None,
        }
    }

    /// Whether the value put back differs from the desired one: drift that is on purpose.
    pub fn is_drift(&self, slot: &Slot) -> bool {
        let (Target::PutBack(before), Some(desired)) = (&self.target, &self.desired) else {
            return false;
        };
        if !self.done {
            return false;
        }
        match (before, desired) {
            (Before::Value(seen), DesiredValue::Value(wanted)) => {
                let FieldId::Named(name) = &slot.field else {
                    return true;
                };
                !may_be(&slot.entity, name, wanted, seen)
            }
            (Before::Missing, DesiredValue::Ensure(ensure)) => *ensure != Ensure::Absent,
            (Before::Missing, DesiredValue::Value(_)) => true,
            (Before::Entity(_), DesiredValue::Ensure(ensure)) => *ensure == Ensure::Absent,
            (Before::Entity(_), DesiredValue::Value(_))
            | (Before::Value(_), DesiredValue::Ensure(_)) => true,
            (Before::Unknown, _) => false,
        }
    }
}

/// The releases of an environment and what follows from them.
///
/// What follows for one entity follows from the records of that entity alone, in the order of the
/// releases. So where records change, only their entities are replayed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Book {
    /// The releases, by their place in the history.
    pub releases: BTreeMap<Seq, Arc<ReleaseRecord>>,
    /// The stack of each slot; never empty.
    pub stacks: BTreeMap<Slot, Arc<Stack>>,
    /// Where each slot stands.
    pub standings: BTreeMap<Slot, Standing>,
    /// The releases that a later one reverts, with the one that does.
    pub reverted_by: BTreeMap<Seq, Seq>,
    /// The first release that counts: what is older belongs to another store, or was begun anew, and
    /// is history only.
    pub epoch: Seq,
    /// The releases of each entity, oldest first, those before the epoch among them.
    entities: BTreeMap<EntityRef, Vec<Seq>>,
}

impl Book {
    /// Replays releases, those from `epoch` on.
    pub fn replay<R: Into<Arc<ReleaseRecord>>>(
        releases: impl IntoIterator<Item = R>,
        epoch: Seq,
    ) -> Self {
        let mut book = Self {
            epoch,
            ..Self::default()
        };
        for release in releases {
            book.push(release);
        }
        book
    }

    /// The place of the next release.
    pub fn next_seq(&self) -> Seq {
        self.releases
            .last_key_value()
            .map_or(Seq(1), |(seq, _)| Seq(seq.0 + 1))
    }

    /// Adds the next release.
    pub fn push(&mut self, release: impl Into<Arc<ReleaseRecord>>) {
        let release = release.into();
        for entity in release.entities.keys() {
            self.index(entity, release.seq);
        }
        if release.seq >= self.epoch {
            for (entity, record) in &release.entities {
                self.play(release.seq, entity, record);
            }
            self.revert(&release);
        }
        self.releases.insert(release.seq, release);
    }

    /// Replaces releases whose outcome or snapshot has changed. What follows is what a replay of the
    /// whole history would come to.
    pub fn update<R: Into<Arc<ReleaseRecord>>>(&mut self, changed: impl IntoIterator<Item = R>) {
        let mut stale = BTreeSet::new();
        let mut reverts = false;
        for release in changed {
            let release = release.into();
            let old = self.releases.insert(release.seq, release.clone());
            let known = |entity: &EntityRef| old.as_ref()?.entities.get(entity);
            for (entity, record) in &release.entities {
                if known(entity).is_none() {
                    self.index(entity, release.seq);
                }
                if !known(entity).is_some_and(|old| old.plays_like(record)) {
                    stale.insert(entity.clone());
                }
            }
            for entity in old.iter().flat_map(|old| old.entities.keys()) {
                if !release.entities.contains_key(entity) {
                    self.strike(entity, release.seq);
                    stale.insert(entity.clone());
                }
            }
            reverts |= old.is_none_or(|old| old.reverting() != release.reverting());
        }
        for entity in &stale {
            self.replay_entity(entity);
        }
        if reverts {
            self.reverted_by.clear();
            let releases = self.releases.range(self.epoch..);
            for release in releases.map(|(_, r)| r.clone()).collect::<Vec<_>>() {
                self.revert(&release);
            }
        }
    }

    /// The releases of an entity, oldest first, in any epoch.
    pub fn of_entity(
        &self,
        entity: &EntityRef,
    ) -> impl DoubleEndedIterator<Item = &Arc<ReleaseRecord>> {
        let seqs = self.entities.get(entity).map_or(&[][..], Vec::as_slice);
        seqs.iter().filter_map(|seq| self.releases.get(seq))
    }

    /// Where the fields of an entity stand, those that stand anywhere.
    pub fn standings_of(
        &self,
        entity: &EntityRef,
    ) -> impl Iterator<Item = (&Slot, &Standing)> + use<'_> {
        let entity = entity.clone();
        self.standings
            .range(first_slot(&entity)..)
            .take_while(move |(slot, _)| slot.entity == entity)
    }

    fn index(&mut self, entity: &EntityRef, seq: Seq) {
        let seqs = match self.entities.get_mut(entity) {
            Some(seqs) => seqs,
            None => self
                .entities
                .entry(entity.clone())
                .or_insert_with(|| Vec::with_capacity(1)),
        };
        if let Err(place) = seqs.binary_search(&seq) {
            seqs.insert(place, seq);
        }
    }

    fn strike(&mut self, entity: &EntityRef, seq: Seq) {
        if let Some(seqs) = self.entities.get_mut(entity) {
            seqs.retain(|known| *known != seq);
            if seqs.is_empty() {
                self.entities.remove(entity);
            }
        }
    }

    fn revert(&mut self, release: &ReleaseRecord) {
        for reverted in release.reverting() {
            self.reverted_by.insert(*reverted, release.seq);
        }
    }

    /// What the history comes to for one entity.
    pub(super) fn replay_entity(&mut self, entity: &EntityRef) {
        let first = first_slot(entity);
        let stacks = self.stacks.range(first.clone()..).map(|(slot, _)| slot);
        let standings = self.standings.range(first..).map(|(slot, _)| slot);
        let stacks = stacks.take_while(|slot| slot.entity == *entity);
        let standings = standings.take_while(|slot| slot.entity == *entity);
        let slots: BTreeSet<Slot> = stacks.chain(standings).cloned().collect();
        for slot in &slots {
            self.stacks.remove(slot);
            self.standings.remove(slot);
        }
        let releases = self.of_entity(entity).filter(|r| r.seq >= self.epoch);
        let releases: Vec<_> = releases.cloned().collect();
        for release in releases {
            if let Some(record) = release.entities.get(entity) {
                self.play(release.seq, entity, record);
            }
        }
    }

    /// What follows from one release for one of its entities. Of another entity nothing is read or
    /// changed here: see [`Book`].
    fn play(&mut self, release: Seq, entity: &EntityRef, record: &EntityRecord) {
        for (field, slot_record) in record.slots.iter() {
            let slot = Slot {
                entity: entity.clone(),
                field: field.clone(),
            };
            self.play_slot(release, slot, slot_record, record.permanent);
        }
        let existence = record.slots.get(&FieldId::Existence);
        // One that could not be deleted still shows what was to be put back.
        if existence.is_some_and(|record| record.deletes() && record.effective) {
            self.forget_fields(entity);
        }
    }

    fn play_slot(&mut self, release: Seq, slot: Slot, record: &SlotRecord, permanent: bool) {
        let owed = record.owed && self.standings.get(&slot).is_some_and(Standing::owes);
        // Most slots have one transition.
        let stack = self.stacks.entry(slot.clone());
        let stack = stack.or_insert_with(|| Arc::new(Stack::with_capacity(1)));
        let known = match record.target {
            Target::PutBack(_) => stack.clone(),
            Target::Leave | Target::Desired(_) => Arc::default(),
        };
        apply(Arc::make_mut(stack), release, record, owed);
        let deleted = stack::deleted_at(&known, stack);
        let undoes = match record.reverts.is_empty() {
            true => known.iter().any(|t| t.effective),
            false => owed || stack::origin(&known, stack).is_some(),
        };
        let origin = stack::origin(&known, stack);
        if stack.is_empty() {
            self.stacks.remove(&slot);
        }
        if let (Some(deleted), Target::PutBack(Before::Entity(Some(whole)))) =
            (deleted, &record.target)
        {
            self.rebase(&slot.entity, deleted, whole);
            // Its own fields come after its existence.
            self.forget_fields(&slot.entity);
        }
        if let (Some(origin), FieldId::Named(name), Target::PutBack(Before::Value(value))) =
            (origin, &slot.field, &record.target)
            && let Some(stack) = self.stacks.get_mut(&first_slot(&slot.entity))
        {
            stack::put_into_whole(Arc::make_mut(stack), origin, name, value);
        }
        self.stand(release, slot, record, undoes, permanent);
    }

    /// An entity is there again as it was when the release `deleted` found it. Existence is the first
    /// of an entity's slots, so the fields of the same release find their stacks rebased.
    pub(super) fn rebase(
        &mut self,
        entity: &EntityRef,
        deleted: Seq,
        whole: &BTreeMap<FieldName, Value>,
    ) {
        let stacks = self.stacks.range_mut(first_slot(entity)..);
        for (slot, stack) in stacks.take_while(|(slot, _)| slot.entity == *entity) {
            if let FieldId::Named(name) = &slot.field {
                let value = whole.get(name).unwrap_or(&Value::Null);
                stack::rebase(Arc::make_mut(stack), deleted, value);
            }
        }
    }

    /// What was to be put back into an entity that is deleted, or makes way for the one that was there
    /// before it, needs no putting back any more, and must not get into the one in its place.
    fn forget_fields(&mut self, entity: &EntityRef) {
        let moot = self.standings_of(entity).filter(|(slot, standing)| {
            slot.field != FieldId::Existence
                && standing.desired.is_none()
                && matches!(standing.target, Target::PutBack(_))
        });
        let moot: Vec<Slot> = moot.map(|(slot, _)| slot.clone()).collect();
        for slot in moot {
            self.standings.remove(&slot);
        }
    }

    fn stand(
        &mut self,
        release: Seq,
        slot: Slot,
        record: &SlotRecord,
        undoes: bool,
        permanent: bool,
    ) {
        match &record.target {
            Target::Leave => {
                if let Some(standing) = self.standings.get_mut(&slot) {
                    standing.desired.clone_from(&record.desired_after);
                }
            }
            Target::Desired(_) | Target::PutBack(_)
                if record.done() && record.desired_after.is_none() =>
            {
                self.standings.remove(&slot);
            }
            target => {
                self.standings.insert(
                    slot,
                    Standing {
                        release,
                        target: target.clone(),
                        desired: record.desired_after.clone(),
                        done: record.done(),
                        undoes,
                        permanent,
                    },
                );
            }
        }
    }

    /// The slots of these releases, and these.
    pub fn slots_of(
        &self,
        releases: &[Seq],
        others: impl IntoIterator<Item = Slot>,
    ) -> BTreeSet<Slot> {
        let releases = releases.iter().filter_map(|seq| self.releases.get(seq));
        let slots = releases.flat_map(|release| release.slots().map(|(slot, _)| slot));
        slots.chain(others).collect()
    }

    /// Slots that are not where they shall be, without those in hand.
    pub fn open_slots(&self, with_permanent: bool) -> BTreeSet<Slot> {
        self.standings
            .iter()
            .filter(|(_, standing)| !standing.done && (with_permanent || !standing.permanent))
            .map(|(slot, _)| slot.clone())
            .collect()
    }

    /// Fields whose value put back differs from the desired one, sorted.
    pub fn drift(&self) -> Vec<&Slot> {
        self.standings
            .iter()
            .filter(|(slot, s)| s.is_drift(slot))
            .map(|(slot, _)| slot)
            .collect()
    }

    /// The id of a release; for one that has none yet, its commit's.
    pub fn id(&self, seq: Seq) -> Option<ReleaseId> {
        let record = self.releases.get(&seq)?;
        Some(
            record
                .id
                .clone()
                .unwrap_or_else(|| ReleaseId::from(record.commit.clone())),
        )
    }

    /// The first release of a commit, since the epoch.
    pub fn of_commit(&self, commit: &CommitId) -> Option<&ReleaseRecord> {
        self.releases
            .range(self.epoch..)
            .map(|(_, r)| r.as_ref())
            .find(|r| r.commit == *commit)
    }

    /// Whether a commit has a release, in any epoch.
    pub fn knows(&self, commit: &CommitId) -> bool {
        self.releases.values().any(|r| r.commit == *commit)
    }

    /// Begins anew: what there is stays history, with no stack and no standing.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        Self::replay(self.releases.values().cloned(), self.next_seq())
    }
}

/// The first of an entity's slots, its existence: the others come right after it.
pub(super) fn first_slot(entity: &EntityRef) -> Slot {
    Slot {
        entity: entity.clone(),
        field: FieldId::Existence,
    }
}

/// Applies one recorded step to a stack, as it was done then.
/// `owed`: what it observed is a debt, so that the store was not left as that.
pub(super) fn apply(stack: &mut Stack, seq: Seq, record: &SlotRecord, owed: bool) {
    let step = stack::Step {
        release: seq,
        before: record.desired_before.clone(),
        after: record.desired_after.clone(),
        observed: record.observed_before.clone(),
        effective: record.effective || owed,
    };
    if record.reverts.is_empty() {
        stack::deploy(stack, step, false);
    } else {
        stack::revert(stack, &step, &record.reverts);
    }
}
