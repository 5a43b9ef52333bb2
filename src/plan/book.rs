//! The book of one environment: its releases and what follows from them by replay.

mod record;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use self::record::{EntityRecord, PathChange, ReleaseRecord, SlotRecord};
pub use self::view::{show, show_desired};
use super::decide::may_be;
use super::stack::{self, Before, Seq, Stack, Target};
use crate::domain::{
    CommitId, DesiredValue, Ensure, EntityRef, FieldId, FieldName, ReleaseId, ReleaseStatus, Slot,
    Value,
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
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The releases, by their place in the history.
    pub releases: BTreeMap<Seq, ReleaseRecord>,
    /// The stack of each slot; never empty.
    pub stacks: BTreeMap<Slot, Stack>,
    /// Where each slot stands.
    pub standings: BTreeMap<Slot, Standing>,
    /// The releases that a later one reverts, with the one that does.
    pub reverted_by: BTreeMap<Seq, Seq>,
    /// The first release that counts: what is older belongs to another store, or was begun anew, and
    /// is history only.
    pub epoch: Seq,
}

impl Book {
    /// Replays releases, those from `epoch` on.
    pub fn replay(releases: impl IntoIterator<Item = ReleaseRecord>, epoch: Seq) -> Self {
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
    pub fn push(&mut self, release: ReleaseRecord) {
        if release.seq < self.epoch {
            self.releases.insert(release.seq, release);
            return;
        }
        for (slot, record) in release.slots() {
            let owed = record.owed && self.standings.get(&slot).is_some_and(Standing::owes);
            let stack = self.stacks.entry(slot.clone()).or_default();
            let known = match record.target {
                Target::PutBack(_) => stack.clone(),
                Target::Leave | Target::Desired(_) => Stack::new(),
            };
            apply(stack, release.seq, record, owed);
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
            {
                let existence = Slot {
                    entity: slot.entity.clone(),
                    field: FieldId::Existence,
                };
                if let Some(stack) = self.stacks.get_mut(&existence) {
                    stack::put_into_whole(stack, origin, name, value);
                }
            }
            self.stand(&release, slot, record, undoes);
        }
        for (entity, record) in &release.entities {
            let existence = record.slots.get(&FieldId::Existence);
            // One that could not be deleted still shows what was to be put back.
            if existence.is_some_and(|record| record.deletes() && record.effective) {
                self.forget_fields(entity);
            }
        }
        if release.status != ReleaseStatus::Invalid {
            for reverted in &release.reverts {
                self.reverted_by.insert(*reverted, release.seq);
            }
        }
        self.releases.insert(release.seq, release);
    }

    /// An entity is there again as it was when the release `deleted` found it. Existence is the first
    /// of an entity's slots, so the fields of the same release find their stacks rebased.
    pub(super) fn rebase(
        &mut self,
        entity: &EntityRef,
        deleted: Seq,
        whole: &BTreeMap<FieldName, Value>,
    ) {
        for (name, slot) in fields_of(entity) {
            let value = whole.get(&name).unwrap_or(&Value::Null);
            if let Some(stack) = self.stacks.get_mut(&slot) {
                stack::rebase(stack, deleted, value);
            }
        }
    }

    /// What was to be put back into an entity that is deleted, or makes way for the one that was there
    /// before it, needs no putting back any more, and must not get into the one in its place.
    fn forget_fields(&mut self, entity: &EntityRef) {
        for (_, slot) in fields_of(entity) {
            let moot = self.standings.get(&slot).is_some_and(|standing| {
                standing.desired.is_none() && matches!(standing.target, Target::PutBack(_))
            });
            if moot {
                self.standings.remove(&slot);
            }
        }
    }

    fn stand(&mut self, release: &ReleaseRecord, slot: Slot, record: &SlotRecord, undoes: bool) {
        let permanent = release
            .entities
            .get(&slot.entity)
            .is_some_and(|e| e.permanent);
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
                        release: release.seq,
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

    /// Replaces releases whose outcome or snapshot has changed, and replays.
    pub fn update(&mut self, changed: impl IntoIterator<Item = ReleaseRecord>) {
        let mut releases = std::mem::take(&mut self.releases);
        for release in changed {
            releases.insert(release.seq, release);
        }
        *self = Self::replay(releases.into_values(), self.epoch);
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
            .map(|(_, r)| r)
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

/// The slots of an entity's fields.
pub(super) fn fields_of(entity: &EntityRef) -> impl Iterator<Item = (FieldName, Slot)> + '_ {
    entity.kind.settable().filter_map(|spec| {
        let name = FieldName::new(spec.name).ok()?;
        let slot = Slot {
            entity: entity.clone(),
            field: FieldId::Named(name.clone()),
        };
        Some((name, slot))
    })
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
