//! What is kept of one release.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Slots;
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, DesiredValue, Ensure, EntityId, EntityRef, FieldId,
    FieldStatus, Phase, ReleaseId, ReleaseKind, ReleaseStatus, Slot,
};
use crate::plan::stack::{Before, Seq, Target};

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
    pub(super) fn deletes(&self) -> bool {
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
    pub slots: Slots,
    /// What is done to it.
    pub action: Action,
    /// Where that stands.
    pub status: ChangeStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether only a person's `retry` or another value helps.
    pub permanent: bool,
}

impl EntityRecord {
    /// Whether the same follows from it as from another one of its entity in its release.
    pub(super) fn plays_like(&self, other: &Self) -> bool {
        self.permanent == other.permanent && self.slots == other.slots
    }
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

    /// The releases that it takes back, where it can be carried out.
    pub(super) fn reverting(&self) -> &[Seq] {
        match self.status {
            ReleaseStatus::Invalid => &[],
            _ => &self.reverts,
        }
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
