//! The ledger of one environment: `state.yaml`, the releases, and the commits that change them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pool::Pool;
use super::records::{self, Files, RecordError};
use crate::domain::{CommitId, EntityRef, FieldId, ReleaseId, Slot, StoreViews};
use crate::plan::{Book, ReleaseRecord, Seq};
use crate::ports::{BulkId, Ledger, LedgerCommit, LedgerError};

/// The version of the ledger's format.
pub(super) const FORMAT: u32 = 1;

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
    /// The newest commit handled.
    pub head: Option<CommitId>,
    /// The newest valid commit handled: the one whose desired state is in effect.
    pub live: Option<CommitId>,
    /// Who may write to the store.
    pub lease: Option<LeaseFile>,
    /// The pass in hand.
    pub pass: Option<PassFile>,
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
    /// The head when it is done.
    pub head: CommitId,
    /// The newest valid commit when it is done.
    pub live: Option<CommitId>,
    /// The releases it makes.
    pub releases: Vec<Seq>,
    /// Earlier slots that it tries again.
    pub retried: Vec<SlotName>,
    /// When it began.
    pub started_at: Timestamp,
    /// Whether writes of this pass or of earlier ones, whose answers were lost, might still arrive at
    /// its entities when it was recorded or given back.
    pub in_doubt: bool,
    /// Lists of its writes that the store took into its queue, oldest first. While operations of them
    /// are open there, nothing else is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bulks: Vec<BulkId>,
}

/// A slot, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotName {
    #[serde(flatten)]
    entity: EntityRef,
    field: FieldId,
}

impl From<Slot> for SlotName {
    fn from(slot: Slot) -> Self {
        Self {
            entity: slot.entity,
            field: slot.field,
        }
    }
}

impl From<SlotName> for Slot {
    fn from(name: SlotName) -> Self {
        Self {
            entity: name.entity,
            field: name.field,
        }
    }
}

/// The ledger as read at one commit.
#[derive(Debug, Clone)]
pub struct Ledgered {
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

/// Reads the ledger at its tip.
///
/// # Errors
/// See [`LoadError`].
pub fn load<L: Ledger>(ledger: &L, branch: &str) -> Result<Ledgered, LoadError> {
    let Some(tip) = ledger.tip()? else {
        return Ok(Ledgered {
            tip: None,
            state: None,
            book: Arc::default(),
        });
    };
    let damaged = |e: RecordError| LoadError::Damaged {
        branch: branch.to_owned(),
        commit: tip.clone(),
        why: e.to_string(),
    };
    let state = ledger.files(&tip, STATE)?;
    let state: State = records::parse(STATE, &state).map_err(damaged)?;
    if state.format > FORMAT {
        return Err(LoadError::Newer {
            branch: branch.to_owned(),
            found: state.format,
        });
    }
    let mut folders: BTreeMap<Seq, &str> = BTreeMap::new();
    let paths = ledger.named(&tip, "release.yaml")?;
    for path in &paths {
        let Some(folder) = path.strip_suffix("/release.yaml") else {
            continue;
        };
        let number = folder
            .rsplit('/')
            .next()
            .and_then(|name| name.split('-').next()?.parse().ok());
        if let Some(number) = number {
            folders.insert(Seq(number), folder);
        }
    }
    let mut releases = Vec::with_capacity(folders.len());
    let mut unnamed = false;
    let mut pool = Pool::default();
    // Some at a time: all files together are many times what is kept of them.
    let (mut read, mut files) = ("", Files::new());
    for folder in folders.values() {
        let some = folder.rsplit_once('-').map_or(*folder, |(number, _)| {
            number.strip_suffix(|_: char| true).unwrap_or(number)
        });
        if some != read {
            (read, files) = (some, ledger.files(&tip, some)?);
        }
        let release = records::read(folder, &files, &mut pool).map_err(damaged)?;
        unnamed |= release.snapshot.is_none();
        releases.push(release);
    }
    drop((files, pool));
    if unnamed {
        name_snapshots(ledger, &tip, &mut releases)?;
    }
    let book = Arc::new(Book::replay(releases, state.epoch));
    Ok(Ledgered {
        tip: Some(tip),
        state: Some(state),
        book,
    })
}

/// A release whose snapshot commit is its own id's source cannot name it; the branch's history does.
fn name_snapshots<L: Ledger>(
    ledger: &L,
    tip: &CommitId,
    releases: &mut [ReleaseRecord],
) -> Result<(), LedgerError> {
    let mut open: BTreeSet<Seq> = releases
        .iter()
        .filter(|r| r.snapshot.is_none())
        .map(|r| r.seq)
        .collect();
    for entry in ledger.history(tip, None)? {
        if open.is_empty() {
            break;
        }
        let Some(seq) = sequence_of(&entry.message) else {
            continue;
        };
        if !open.remove(&seq) {
            continue;
        }
        if let Some(release) = releases.iter_mut().find(|r| r.seq == seq) {
            name(release, &entry.id);
        }
    }
    Ok(())
}

/// Sets what only the snapshot commit can tell.
pub(super) fn name(release: &mut ReleaseRecord, snapshot: &CommitId) {
    release.snapshot.get_or_insert_with(|| snapshot.clone());
    release
        .id
        .get_or_insert_with(|| ReleaseId::from(snapshot.clone()));
}

const SEQUENCE: &str = "Sequence: ";

fn sequence_of(message: &str) -> Option<Seq> {
    let line = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(SEQUENCE))?;
    let status = message
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Status: "))?;
    let first = matches!(status, "snapshotted" | "invalid");
    first.then(|| line.trim().parse().ok().map(Seq)).flatten()
}

/// Commits to be made, gathered before any of them is.
pub(super) struct Writer {
    environment: String,
    at: Timestamp,
    commits: Vec<LedgerCommit>,
}

impl Writer {
    pub(super) fn new(environment: String, at: Timestamp) -> Self {
        Self {
            environment,
            at,
            commits: Vec::new(),
        }
    }

    /// One commit for one release.
    pub(super) fn release(
        &mut self,
        verb: &str,
        release: &ReleaseRecord,
    ) -> Result<(), RecordError> {
        let files = records::write(release)?;
        let short = release.commit.short();
        let message = format!(
            "{verb} {short} {}\n\nRelease: {}\nEnvironment: {}\n{SEQUENCE}{}\nStatus: {}\n",
            release.subject,
            release.id.as_ref().map_or_else(
                || format!("{} (again)", release.commit),
                ToString::to_string
            ),
            self.environment,
            release.seq.0,
            release.status,
        );
        self.commits.push(LedgerCommit {
            files: some(files),
            message,
            at: self.at,
        });
        Ok(())
    }

    /// A commit that only changes the state.
    pub(super) fn note(&mut self, subject: &str, status: &str) {
        let message = format!(
            "{subject}\n\nRelease: none\nEnvironment: {}\nStatus: {status}\n",
            self.environment
        );
        self.commits.push(LedgerCommit {
            files: BTreeMap::new(),
            message,
            at: self.at,
        });
    }

    /// Puts the state into the last commit (a commit of its own where there is none), and the
    /// branch's README beside it.
    pub(super) fn finish(
        mut self,
        state: &State,
        subject: &str,
    ) -> Result<Vec<LedgerCommit>, RecordError> {
        if self.commits.is_empty() {
            self.note(subject, "state");
        }
        let bytes = records::yaml(STATE, state)?;
        let files = Files::from([(STATE.to_owned(), bytes)]);
        let back: State = records::parse(STATE, &files)?;
        if back != *state {
            return Err(RecordError::new(
                STATE,
                "does not read back as it was written; nothing was recorded",
            ));
        }
        if let Some(last) = self.commits.last_mut() {
            last.files.extend(some(files));
            last.files
                .insert("README.md".to_owned(), Some(README.as_bytes().to_vec()));
        }
        Ok(self.commits)
    }
}

fn some(files: Files) -> BTreeMap<String, Option<Vec<u8>>> {
    files
        .into_iter()
        .map(|(path, bytes)| (path, Some(bytes)))
        .collect()
}
