//! The book of one environment: its releases and what follows from them by replay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::stack::{self, Before, Seq, Stack, Target};
use crate::domain::{
    Action, Activity, Change, ChangeStatus, CommitId, DesiredValue, Ensure, EntityId, EntityRef,
    FieldId, FieldName, FieldOutcome, FieldStatus, Phase, Release, ReleaseId, ReleaseKind,
    ReleaseStatus, Slot, Value,
};

/// One slot of one release: what was demanded, what was seen, what follows and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotRecord {
    /// The desired value before the release.
    pub desired_before: Option<DesiredValue>,
    /// The desired value after it.
    pub desired_after: Option<DesiredValue>,
    /// What the store showed before it.
    pub observed_before: Before,
    /// Whether that is what earlier releases of the same pass would have left, not what was read.
    pub derived: bool,
    /// Whether `observed_before` is what an earlier rollback had not put back yet: whoever sets the
    /// slot next owes it too. What was read, where it differs, is in `also`.
    pub owed: bool,
    /// The releases whose transition this one reverts, newest first; empty for a deploy.
    pub reverts: Vec<Seq>,
    /// What follows for the store.
    pub target: Target,
    /// What became of it; `None` before the outcome.
    pub status: Option<FieldStatus>,
    /// What verification read, where that is not the target.
    pub observed: Option<Before>,
    /// Further values that were found before the first write, oldest first: nothing is lost.
    pub also: Vec<Before>,
    /// Whether somebody had edited the field in Magento since the release that is rolled back.
    pub conflict: bool,
    /// Whether the store was, or may have been, brought to what the pass made of the slot; true
    /// until the outcome says otherwise. A rollback leaves alone what never was written.
    pub effective: bool,
}

impl SlotRecord {
    /// Whether nothing is left to do.
    pub fn done(&self) -> bool {
        match self.status {
            Some(FieldStatus::Written | FieldStatus::Unchanged | FieldStatus::Conflict) => true,
            Some(FieldStatus::NotWritten | FieldStatus::InDoubt) | None => false,
        }
    }

    /// What was really read before the release, where that is not what a rollback of it puts back.
    pub fn read(&self) -> &Before {
        let read = self.also.last().filter(|_| self.owed || self.derived);
        read.unwrap_or(&self.observed_before)
    }

    /// Whether, as an entity's existence, it ends that.
    fn deletes(&self) -> bool {
        matches!(
            self.target,
            Target::Desired(Some(DesiredValue::Ensure(Ensure::Absent)))
                | Target::PutBack(Before::Missing)
        )
    }

    /// Whether it only demands that an entity be there that was there already: then it says nothing
    /// of whether its release is in effect.
    pub fn is_idle_demand(&self) -> bool {
        matches!(
            (&self.desired_after, &self.observed_before),
            (
                Some(DesiredValue::Ensure(Ensure::Present | Ensure::Existing)),
                Before::Entity(_)
            )
        )
    }
}

/// One entity of one release.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityRecord {
    /// The store's id when it was read; `None` when it did not exist.
    pub id: Option<EntityId>,
    /// Digest of the fields that the release does not set.
    pub digest: Option<String>,
    /// Whether `ensure: present` was spelled out.
    pub explicit: bool,
    /// Fields that the release's own difference lists although they have no transition (shadowed).
    pub listed: BTreeSet<FieldId>,
    /// Its slots.
    pub slots: BTreeMap<FieldId, SlotRecord>,
    /// What is done to it.
    pub action: Action,
    /// Where that stands.
    pub status: ChangeStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether only a person's `retry` or another value helps.
    pub permanent: bool,
}

/// A path's content ids before and after a release; `None` where there is no such path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PathChange {
    /// Content id before.
    pub before: Option<String>,
    /// Content id after.
    pub after: Option<String>,
}

/// Everything that the ledger keeps of one release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    /// Its place in the history.
    pub seq: Seq,
    /// Its id; `None` until the snapshot commit that names it exists.
    pub id: Option<ReleaseId>,
    /// What it is.
    pub kind: ReleaseKind,
    /// `pending`, `snapshotted`, `invalid`, `failed` or `live`; the others are derived.
    pub status: ReleaseStatus,
    /// The releases it reverts, newest first.
    pub reverts: Vec<Seq>,
    /// Its commit.
    pub commit: CommitId,
    /// The commit's first parent.
    pub first_parent: Option<CommitId>,
    /// The branch.
    pub branch: String,
    /// First line of the commit's message.
    pub subject: String,
    /// Author of the commit.
    pub author: String,
    /// When the pass took it up.
    pub started_at: Timestamp,
    /// When its outcome was known.
    pub finished_at: Option<Timestamp>,
    /// The ledger commit of its snapshot.
    pub snapshot: Option<CommitId>,
    /// One sentence about the outcome.
    pub message: Option<String>,
    /// The phases it went through.
    pub phases: Vec<Phase>,
    /// What happened.
    pub activity: Vec<Activity>,
    /// Release files, and files they refer to, that it changed.
    pub paths: BTreeMap<String, PathChange>,
    /// Its entities.
    pub entities: BTreeMap<EntityRef, EntityRecord>,
}

impl ReleaseRecord {
    /// Every slot of the release's own difference, shadowed or not.
    pub fn difference(&self) -> BTreeSet<Slot> {
        self.entities
            .iter()
            .flat_map(|(entity, record)| {
                record.slots.keys().chain(&record.listed).map(|field| Slot {
                    entity: entity.clone(),
                    field: field.clone(),
                })
            })
            .collect()
    }

    /// Its slots with their records.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &SlotRecord)> {
        self.entities.iter().flat_map(|(entity, record)| {
            record.slots.iter().map(|(field, slot)| {
                (
                    Slot {
                        entity: entity.clone(),
                        field: field.clone(),
                    },
                    slot,
                )
            })
        })
    }

    /// One slot's record.
    pub fn slot(&self, slot: &Slot) -> Option<&SlotRecord> {
        self.entities.get(&slot.entity)?.slots.get(&slot.field)
    }

    /// One slot's record.
    pub fn slot_mut(&mut self, slot: &Slot) -> Option<&mut SlotRecord> {
        self.entities
            .get_mut(&slot.entity)?
            .slots
            .get_mut(&slot.field)
    }

    /// Whether its outcome is still open.
    pub fn in_hand(&self) -> bool {
        matches!(
            self.status,
            ReleaseStatus::Pending
                | ReleaseStatus::Validating
                | ReleaseStatus::Snapshotted
                | ReleaseStatus::Deploying
                | ReleaseStatus::Verifying
        )
    }
}

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
                match slot.entity.kind.field(name.as_str()) {
                    Some(field) => !field.same(seen, wanted),
                    None => seen != wanted,
                }
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

    /// The status for lists, derived from the stacks.
    pub fn status(&self, release: &ReleaseRecord) -> ReleaseStatus {
        if release.status == ReleaseStatus::Invalid {
            return release.status;
        }
        // Whatever was in hand when everything began anew is never carried out any more.
        if release.seq < self.epoch {
            return ReleaseStatus::Superseded;
        }
        if release.in_hand() {
            return release.status;
        }
        let slots: Vec<(Slot, &SlotRecord)> = release.slots().collect();
        let has_transition = |slot: &Slot| {
            self.stacks
                .get(slot)
                .is_some_and(|s| s.iter().any(|t| t.release == release.seq))
        };
        if self.reverted_by.contains_key(&release.seq)
            && !slots.iter().any(|(s, _)| has_transition(s))
        {
            return ReleaseStatus::RolledBack;
        }
        let last = |slot: &Slot| {
            self.standings
                .get(slot)
                .is_some_and(|s| s.release == release.seq)
        };
        if slots
            .iter()
            .any(|(slot, record)| last(slot) && !record.done())
        {
            return ReleaseStatus::Failed;
        }
        if slots.is_empty() {
            return release.status;
        }
        let is_removal = slots
            .iter()
            .all(|(_, record)| record.desired_after.is_none());
        if release.kind == ReleaseKind::Rollback || is_removal {
            return ReleaseStatus::Live;
        }
        let only_idle = slots.iter().all(|(_, record)| record.is_idle_demand());
        let telling = slots
            .iter()
            .filter(|(_, record)| only_idle || !record.is_idle_demand());
        let in_effect = telling.into_iter().any(|(slot, _)| {
            self.stacks
                .get(slot)
                .and_then(|s| s.last())
                .is_some_and(|t| t.release == release.seq)
        });
        if in_effect {
            return ReleaseStatus::Live;
        }
        if release
            .entities
            .values()
            .all(|e| e.status == ChangeStatus::Skipped)
        {
            return ReleaseStatus::Canceled;
        }
        ReleaseStatus::Superseded
    }

    /// The release as lists and `show` print it.
    pub fn view(&self, release: &ReleaseRecord) -> Option<Release> {
        Some(Release {
            id: self.id(release.seq)?,
            kind: release.kind,
            status: self.status(release),
            reverts: release
                .reverts
                .iter()
                .filter_map(|seq| self.id(*seq))
                .collect(),
            commit: release.commit.clone(),
            branch: release.branch.clone(),
            subject: release.subject.clone(),
            author: release.author.clone(),
            started_at: release.started_at,
            finished_at: release.finished_at,
            snapshot: release.snapshot.clone(),
            message: release.message.clone(),
            phases: release.phases.clone(),
            changes: release
                .entities
                .iter()
                .filter_map(|(e, r)| self.change(release, e, r))
                .collect(),
            activity: release.activity.clone(),
        })
    }

    /// Every release, newest first.
    pub fn views(&self) -> Vec<Release> {
        self.releases
            .values()
            .rev()
            .filter_map(|release| self.view(release))
            .collect()
    }

    fn change(
        &self,
        release: &ReleaseRecord,
        entity: &EntityRef,
        record: &EntityRecord,
    ) -> Option<Change> {
        if record.slots.is_empty() {
            return None;
        }
        let fields = record
            .slots
            .iter()
            .map(|(field, slot)| {
                let before = show(field, &slot.observed_before);
                let after = match &slot.target {
                    Target::Leave | Target::Desired(None) => before.clone(),
                    Target::Desired(Some(desired)) => show_desired(desired),
                    Target::PutBack(before) => show(field, before),
                };
                let observed = match (&slot.observed, slot.done()) {
                    (Some(seen), _) => show(field, seen),
                    (None, true) => after.clone(),
                    (None, false) => Value::Null,
                };
                FieldOutcome {
                    field: field.clone(),
                    before,
                    after,
                    observed,
                    status: slot.status.unwrap_or(FieldStatus::NotWritten),
                }
            })
            .collect();
        let status = match record.status {
            ChangeStatus::Pending if !release.in_hand() => ChangeStatus::Skipped,
            status => status,
        };
        Some(Change {
            kind: entity.kind,
            key: entity.key.clone(),
            store: entity.store.clone(),
            action: record.action,
            status,
            error: record.error.clone(),
            fields,
        })
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

/// A value for people and JSON; existence as `present` and `absent`.
pub fn show(field: &FieldId, before: &Before) -> Value {
    match before {
        Before::Value(value) => value.clone(),
        Before::Missing if *field == FieldId::Existence => Value::from("absent"),
        Before::Missing => Value::Null,
        Before::Entity(_) => Value::from("present"),
        Before::Unknown => Value::Null,
    }
}

/// A desired value for people and JSON.
pub fn show_desired(desired: &DesiredValue) -> Value {
    match desired {
        DesiredValue::Ensure(ensure) => Value::from(ensure.as_str()),
        DesiredValue::Value(value) => value.clone(),
    }
}
