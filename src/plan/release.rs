//! The ledger's record of a release: the plan, which never changes, and its outcome.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::compose::Headline;
use super::layers::{Seq, Shown};
use super::naming::Revision;
use crate::domain::{
    Action, Activity, ChangeStatus, CommitId, EntityId, EntityRef, FieldId, FieldName, FieldStatus,
    Phase, ReleaseId, ReleaseKind, ReleaseStatus, SharedValue, Slot,
};

/// A path's content ids before and after a release; `None` where there is no such path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathChange {
    /// Content id before.
    pub before: Option<String>,
    /// Content id after.
    pub after: Option<String>,
}

/// One field of one release.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedField {
    /// The value that the store showed before the release.
    pub before: Shown,
    /// The value that it shall show after it.
    pub after: Shown,
    /// True if that was read from the store, so that it is put back exactly.
    pub put_back: bool,
    /// True if the release takes layers away here.
    pub taken: bool,
    /// True if somebody had edited the field in Magento since the release that is taken back.
    pub conflict: bool,
}

impl PlannedField {
    /// True if the release changes what the store shows.
    pub fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// One entity of one release, as it was planned.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlannedEntity {
    /// The store's id when it was read; `None` when it did not exist.
    pub id: Option<EntityId>,
    /// Digest of the fields that the release does not set.
    pub digest: Option<String>,
    /// The action planned for it.
    pub action: Action,
    /// Its fields.
    pub fields: BTreeMap<FieldId, PlannedField>,
    /// All that it shows, where it is to be deleted.
    pub whole: BTreeMap<FieldName, SharedValue>,
}

impl PlannedEntity {
    /// True if the release changes what the store shows of it.
    pub fn changes(&self) -> bool {
        self.fields.values().any(PlannedField::changes)
    }
}

/// The outcome of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldOutcome {
    /// Its outcome.
    pub status: FieldStatus,
    /// The value that verification read, where that is not the target.
    pub observed: Option<Shown>,
}

/// The outcome of one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityOutcome {
    /// The action that was carried out.
    pub action: Action,
    /// The state of that action.
    pub status: ChangeStatus,
    /// The reason why it failed.
    pub error: Option<String>,
    /// Its fields.
    pub fields: BTreeMap<FieldId, FieldOutcome>,
}

/// The outcome of a release, or what one pass adds to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// `pending`, `snapshotted`, `invalid`, `failed` or `live`; the others are derived.
    pub status: ReleaseStatus,
    /// The time at which it was known.
    pub finished_at: Option<Timestamp>,
    /// The ledger commit of the snapshot.
    pub snapshot: Option<CommitId>,
    /// The outcome in one sentence.
    pub message: Option<String>,
    /// The phases gone through.
    pub phases: Vec<Phase>,
    /// The activity of its passes.
    pub activity: Vec<Activity>,
    /// The entities, as far as they were carried out.
    pub entities: BTreeMap<EntityRef, EntityOutcome>,
    /// The edits that were found in the store between the snapshot and the first write.
    pub edits: BTreeMap<Slot, Shown>,
}

impl Outcome {
    /// Adds the outcome of a later pass.
    pub fn add(&mut self, later: Self) {
        let Self {
            status,
            finished_at,
            snapshot,
            message,
            phases,
            activity,
            entities,
            edits,
        } = later;
        self.status = status;
        self.finished_at = finished_at.or(self.finished_at);
        self.snapshot = snapshot.or_else(|| self.snapshot.take());
        self.message = message.or_else(|| self.message.take());
        self.phases.extend(phases);
        self.activity.extend(activity);
        self.edits.extend(edits);
        for (entity, outcome) in entities {
            match self.entities.get_mut(&entity) {
                Some(known) => {
                    let EntityOutcome {
                        action,
                        status,
                        error,
                        fields,
                    } = outcome;
                    known.action = action;
                    known.status = status;
                    known.error = error;
                    known.fields.extend(fields);
                }
                None => {
                    self.entities.insert(entity, outcome);
                }
            }
        }
    }
}

/// The commit under which a release goes on, where its branch was rewritten and the commit came again
/// with the same change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCommit {
    /// The commit, as it describes itself.
    pub headline: Headline,
    /// The names by which others can call it, and its changes to the release files.
    pub revision: Revision,
}

/// Everything that the ledger keeps of one release.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRecord {
    /// Its place in the history.
    pub seq: Seq,
    /// Its id; `None` until the snapshot commit that names it exists.
    pub id: Option<ReleaseId>,
    /// Its kind.
    pub kind: ReleaseKind,
    /// True if it states anything in the files, beside what it takes back or removes.
    pub states: bool,
    /// The releases that it takes back, newest first.
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
    /// The names by which others can call the commit, and its changes to the release files.
    pub revision: Revision,
    /// The commits that came in with it.
    pub brings: Vec<Revision>,
    /// The time at which a pass took it up.
    pub started_at: Timestamp,
    /// Its entities.
    pub entities: BTreeMap<EntityRef, PlannedEntity>,
    /// The notes of its planning.
    pub notes: Vec<Activity>,
    /// Its outcome.
    pub outcome: Outcome,
}

impl ReleaseRecord {
    /// Goes on under another commit, and under its id.
    pub fn rename(&mut self, new: NewCommit) {
        let NewCommit { headline, revision } = new;
        let Headline {
            commit,
            first_parent,
            branch,
            subject,
            author,
        } = headline;
        self.id = Some(commit.clone().into());
        self.commit = commit;
        self.first_parent = first_parent;
        self.branch = branch;
        self.subject = subject;
        self.author = author;
        self.revision = revision;
    }

    /// Its slots.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &PlannedField)> {
        self.entities.iter().flat_map(|(entity, planned)| {
            planned.fields.iter().map(|(field, planned)| {
                let slot = Slot {
                    entity: entity.clone(),
                    field: field.clone(),
                };
                (slot, planned)
            })
        })
    }

    /// The entities that its slots belong to.
    pub fn roots(&self) -> BTreeSet<EntityRef> {
        self.entities.keys().map(EntityRef::root).collect()
    }

    /// True if its files could not be used.
    pub fn is_invalid(&self) -> bool {
        self.outcome.status == ReleaseStatus::Invalid
    }

    /// True if its outcome is still open.
    pub fn in_hand(&self) -> bool {
        matches!(
            self.outcome.status,
            ReleaseStatus::Pending
                | ReleaseStatus::Validating
                | ReleaseStatus::Snapshotted
                | ReleaseStatus::Deploying
                | ReleaseStatus::Verifying
        )
    }
}
