//! Releases as people and programs see them: the JSON of `releases` and `show`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CommitId, EntityKey, FieldId, Kind, ReleaseId, StoreScope, Value};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }
        impl $name {
            /// The exact word of output and ledger.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// The kinds of releases.
    ReleaseKind {
        /// A commit that alters the desired state.
        Deploy = "deploy",
        /// A commit that reverts releases, or a branch moved back.
        Rollback = "rollback",
        /// The first start on a store whose values are taken over.
        Adopt = "adopt",
        /// Drift written back.
        Heal = "heal",
        /// A scheduled file becomes active.
        ScheduleStart = "schedule_start",
        /// A scheduled file stops being active.
        ScheduleEnd = "schedule_end",
    }
}

words! {
    /// The standing of a release.
    ReleaseStatus {
        /// Not begun.
        Pending = "pending",
        /// Its files are being read.
        Validating = "validating",
        /// Its files cannot be used.
        Invalid = "invalid",
        /// Its snapshot is in the ledger; nothing is written yet.
        Snapshotted = "snapshotted",
        /// Its values are being written.
        Deploying = "deploying",
        /// Its values are being read again.
        Verifying = "verifying",
        /// In effect.
        Live = "live",
        /// At least one of its entities could not be brought to its target.
        Failed = "failed",
        /// Waits for a person or a window.
        Held = "held",
        /// Never sent: later commits of the same pass set all its fields.
        Canceled = "canceled",
        /// Later releases have set all its fields.
        Superseded = "superseded",
        /// Reverted.
        RolledBack = "rolled_back",
    }
}

#[allow(
    clippy::derivable_impls,
    reason = "the words above derive what all of them have"
)]
impl Default for ReleaseStatus {
    fn default() -> Self {
        Self::Pending
    }
}

#[allow(
    clippy::derivable_impls,
    reason = "the words above derive what all of them have"
)]
impl Default for Action {
    fn default() -> Self {
        Self::Noop
    }
}

words! {
    /// The phases of a pass.
    PhaseName {
        /// Release files are read and checked.
        Validate = "validate",
        /// The entities concerned are read.
        Observe = "observe",
        /// What was read is committed to the ledger.
        Snapshot = "snapshot",
        /// The store is changed.
        Write = "write",
        /// The entities are read again.
        Verify = "verify",
        /// The outcome is committed to the ledger.
        Record = "record",
    }
}

words! {
    /// The action upon an entity.
    Action {
        /// It is made.
        Create = "create",
        /// Fields of it are set.
        Update = "update",
        /// It is taken away.
        Delete = "delete",
        /// Nothing needs to be sent.
        Noop = "noop",
    }
}

words! {
    /// The standing of a change.
    ChangeStatus {
        /// Not tried yet.
        Pending = "pending",
        /// Its fields have their targets.
        Done = "done",
        /// It could not be carried out; `error` says why.
        Failed = "failed",
        /// Not tried, because it was not needed any more.
        Skipped = "skipped",
    }
}

words! {
    /// The fate of a field.
    FieldStatus {
        /// Sent and verified.
        Written = "written",
        /// Had its target already, or needs none.
        Unchanged = "unchanged",
        /// Not sent, or refused.
        NotWritten = "not_written",
        /// Sent, but the answer was lost and it could not be read again.
        InDoubt = "in_doubt",
        /// Somebody had edited it in Magento since the release that is rolled back.
        Conflict = "conflict",
    }
}

words! {
    /// The weight of a line of the activity.
    Level {
        /// Progress.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Something failed.
        Error = "error",
    }
}

/// The times at which a phase began and ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The phase.
    pub name: PhaseName,
    /// When it began.
    #[serde(with = "rfc3339")]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(with = "rfc3339_option")]
    pub finished_at: Option<Timestamp>,
}

/// A field of a release: both sides of the change, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldOutcome {
    /// The field; `ensure` for the entity's existence.
    pub field: FieldId,
    /// The value observed before the release.
    pub before: Value,
    /// The target: what the release wrote, would have written or left.
    pub after: Value,
    /// The value that verification read; null before it.
    pub observed: Value,
    /// What became of it.
    pub status: FieldStatus,
}

/// An entity of a release, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Kind of the entity.
    pub kind: Kind,
    /// Its key.
    pub key: EntityKey,
    /// Its assignment or scope.
    pub store: StoreScope,
    /// What is done to it.
    pub action: Action,
    /// Where that stands.
    pub status: ChangeStatus,
    /// Why it failed, in the store's own words with their parameters filled in.
    pub error: Option<String>,
    /// Its fields.
    pub fields: Vec<FieldOutcome>,
}

/// One line of a release's activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// In which phase.
    pub phase: PhaseName,
    /// How much it matters.
    pub level: Level,
    /// Kind of the entity it is about, if one.
    pub kind: Option<Kind>,
    /// Key of the entity it is about, if one.
    pub key: Option<EntityKey>,
    /// Assignment of the entity it is about, if one.
    pub store: Option<StoreScope>,
    /// What happened.
    pub message: String,
}

/// One release, as `gitmage show --format json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Unique in the environment.
    pub id: ReleaseId,
    /// What it is.
    pub kind: ReleaseKind,
    /// Where it stands.
    pub status: ReleaseStatus,
    /// The releases that it reverts, newest first.
    pub reverts: Vec<ReleaseId>,
    /// The commit that made it.
    pub commit: CommitId,
    /// The branch.
    pub branch: String,
    /// First line of the commit's message.
    pub subject: String,
    /// `Name <mail>` of the commit's author.
    pub author: String,
    /// When the pass took it up.
    #[serde(with = "rfc3339")]
    pub started_at: Timestamp,
    /// When its outcome was known.
    #[serde(with = "rfc3339_option")]
    pub finished_at: Option<Timestamp>,
    /// The ledger commit that holds its snapshot.
    pub snapshot: Option<CommitId>,
    /// One sentence about the outcome; for a failed release, why.
    pub message: Option<String>,
    /// The phases it went through.
    pub phases: Vec<Phase>,
    /// Its entities, in plan order.
    pub changes: Vec<Change>,
    /// What happened, line by line.
    pub activity: Vec<Activity>,
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn format_time(at: Timestamp) -> String {
    format!("{at:.3}")
}

mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_time(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

mod rfc3339_option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.serialize_some(&super::format_time(*at)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::<Timestamp>::deserialize(deserializer)
    }
}
