//! The ledger of one environment: `state.yaml`, the managed entities, the releases and passes, and the
//! commits that change them.

mod read;
mod writer;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::read::{Recent, ReleaseList, load, load_releases, load_state};
pub(super) use self::writer::Writer;
use crate::domain::{CommitId, EntityRef, ReleaseId, StoreViews};
use crate::plan::{Book, ReleaseRecord, Rest, Seq};
use crate::ports::{BulkId, LedgerError};

/// The version of the ledger's format.
pub(super) const FORMAT: u32 = 2;

const STATE: &str = "state.yaml";
const README: &str = include_str!("ledger-readme.md");

/// `state.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Version of the format.
    pub format: u32,
    /// The environment.
    pub environment: String,
    /// The watched branch.
    pub branch: String,
    /// The store that the values belong to.
    pub store: StoreIdentity,
    /// The first release that counts for rollbacks; older ones are history only.
    pub epoch: Seq,
    /// The place of the next release or pass.
    pub next: Seq,
    /// The newest commit handled.
    pub head: Option<CommitId>,
    /// The newest valid commit handled: the one whose desired state is in effect.
    pub live: Option<CommitId>,
    /// Who may write to the store.
    pub lease: Option<LeaseFile>,
    /// The pass in hand.
    pub pass: Option<PassFile>,
    /// How the environment stands, so that it can be told without reading all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// A store, as the ledger names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreIdentity {
    /// Its URL.
    pub url: String,
    /// Its views.
    pub views: StoreViews,
}

/// Who may write to the store, and for how long after the taker first saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFile {
    /// The holder's id.
    pub holder: String,
    /// How long it is valid after somebody first saw this commit. In milliseconds.
    pub valid_ms: u64,
}

/// The pass in hand: enough to resume it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassFile {
    /// Its place in the history.
    pub sequence: Seq,
    /// The head when it is done.
    pub head: CommitId,
    /// The newest valid commit when it is done.
    pub live: Option<CommitId>,
    /// The releases it makes.
    pub releases: Vec<Seq>,
    /// The entities that it may write.
    pub entities: Vec<EntityRef>,
    /// When it began.
    pub started_at: Timestamp,
    /// True if writes of this pass or of earlier ones, whose answers were lost, might still arrive at
    /// its entities when it was recorded or given back.
    pub in_doubt: bool,
    /// Lists of its writes that the store took into its queue, oldest first. While operations of them
    /// are open there, nothing else is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bulks: Vec<BulkId>,
}

/// The ledger as read at one commit.
#[derive(Debug, Clone)]
pub struct LedgerSnapshot {
    /// That commit; `None` while the branch does not exist.
    pub tip: Option<CommitId>,
    /// `state.yaml`.
    pub state: Option<State>,
    /// The releases.
    pub book: Arc<Book>,
}

/// Why the ledger's content cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The branch could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file on it is damaged.
    #[error(
        "the rollback branch {branch} at {commit} cannot be read: {why}; put it back to the newest commit that gitmage made there, or set a new `rollback_branch`"
    )]
    Damaged {
        /// The branch.
        branch: String,
        /// The commit.
        commit: CommitId,
        /// The file and what is wrong with it.
        why: String,
    },
    /// Written by a version that knew the rollback rule in another form.
    #[error(
        "the rollback branch {branch} has format {found}, which this version cannot read (it knows {FORMAT}): go on with the version that wrote it, or set a new `rollback_branch`, or run `gitmage reconcile --rebootstrap deploy|adopt`"
    )]
    Older {
        /// The branch.
        branch: String,
        /// The format found.
        found: u32,
    },
    /// Written by a newer version.
    #[error(
        "the rollback branch {branch} has format {found}, this version knows {FORMAT}; install a newer gitmage"
    )]
    Newer {
        /// The branch.
        branch: String,
        /// The format found.
        found: u32,
    },
}

/// What a release says of itself.
pub(super) const RELEASE: &str = "release.yaml";

/// A trailer of the commit that records a release first.
const SEQUENCE: &str = "Sequence: ";

/// True of the message of a commit that gitmage made on the rollback branch of this environment.
pub fn is_own(message: &str, environment: &str) -> bool {
    let trailer = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
    trailer("Environment: ") == Some(environment) && trailer("Status: ").is_some()
}

/// Sets what only the snapshot commit can tell.
pub(super) fn name(release: &mut ReleaseRecord, snapshot: &CommitId) {
    let known = &mut release.outcome.snapshot;
    known.get_or_insert_with(|| snapshot.clone());
    let id = &mut release.id;
    id.get_or_insert_with(|| ReleaseId::from(snapshot.clone()));
}
